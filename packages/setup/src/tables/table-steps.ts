import { ColophonError, quoteIdentifier } from '@colophon/protocol';
import { type ChosenTable, type IdentityMode, type TableWish, wishedTables } from '../choose-tables.js';
import { type Memory, memoryStatement, type RememberedTable } from '../memory.js';
import { identityStep, type Step } from '../plan.js';
import { knownTables, rememberTables } from '../remember-tables.js';
import type { SourceState } from '../source-state.js';
import { displayTable, quoteTable } from '../table-name.js';
import { autoTracked, givenTables } from './auto-tracked.js';
import { type NewTables, type NewTablesPolicy, nextNewTables } from './new-tables.js';

/** Which tables a publication is to give. */
export interface TablesWish {
  readonly publication: string;
  readonly tables: TableWish;
  readonly identity: IdentityMode;
  /** What is to become of tables that are made later. Default: as it is; nothing, where nobody ever said. */
  readonly newTables?: NewTablesPolicy | undefined;
  /** Which later ones, by the patterns in it. Default: those of `tables`. */
  readonly scope?: TableWish | undefined;
}

/** Throws `PUBLICATION_UNSUITABLE` where the publication gives only a part of a table. */
export function checkColumnLists(
  state: SourceState,
  chosen: readonly ChosenTable[],
  publication: string,
): void {
  const entries = new Map(state.publication?.tables.map((table) => [table.oid, table]));
  for (const { relation } of chosen) {
    const entry = entries.get(relation.oid);
    if (entry?.hasRowFilter || entry?.hasColumnList) {
      throw new ColophonError(
        'PUBLICATION_UNSUITABLE',
        `Publication ${publication} gives only a part of ${displayTable(relation)} (a ${entry.hasRowFilter ? 'row filter' : 'column list'}), wanted all of it: ALTER PUBLICATION … DROP TABLE ${quoteTable(relation)}, then init again.`,
      );
    }
  }
}

/** Makes the publication, or brings it and what is remembered in its comment up to date. */
export function publicationSteps(
  state: SourceState,
  wish: TablesWish,
  chosen: readonly ChosenTable[],
  toPublish: readonly ChosenTable[],
): Step[] {
  const name = quoteIdentifier(wish.publication);
  const old = state.publication;
  const options = ["publish = 'insert, update, delete, truncate'", 'publish_via_partition_root = false'];
  if (state.server.major >= 18) options.push('publish_generated_columns = stored');
  const comment = rememberSql(state, wish, chosen, toPublish);
  if (old === null) {
    return [
      {
        kind: 'publication',
        sql: `CREATE PUBLICATION ${name} WITH (${options.join(', ')}); ${comment}`,
        reason: 'created; its comment keeps what drop restores',
        table: null,
        group: null,
      },
    ];
  }
  const steps: Step[] = [];
  if (old.missingOperations.length > 0 || old.isViaRoot || old.publishesStoredColumns === false) {
    steps.push({
      kind: 'publication',
      sql: `ALTER PUBLICATION ${name} SET (${options.join(', ')})`,
      reason: 'changed: every operation, partitions by their names, generated columns',
      table: null,
      group: null,
    });
  }
  if (comment !== null) {
    steps.push({
      kind: 'memory',
      sql: comment,
      reason: 'comment: keeps what drop restores',
      table: null,
      group: null,
    });
  }
  return steps;
}

/** The statement that remembers what is about to be changed; null where nothing is that isn't remembered yet. */
function rememberSql(
  state: SourceState,
  wish: TablesWish,
  chosen: readonly ChosenTable[],
  toPublish: readonly ChosenTable[],
): string | null {
  const tables = rememberTables(state, chosen, toPublish);
  const next = nextMemory(state, tables, newTablesOf(state, wish, chosen), chosen);
  if (tables === null && isSameMemory(state.publication?.memory ?? null, next)) return null;
  return memoryStatement(wish.publication, next);
}

function newTablesOf(
  state: SourceState,
  wish: TablesWish,
  chosen: readonly ChosenTable[],
): NewTables | undefined {
  const { newTables: policy, identity, tables, scope = tables } = wish;
  // What was wanted and can't be tracked today may be tomorrow: it isn't skipped.
  const wanted = [...wishedTables(state, tables), ...chosen].map(({ relation }) => relation.oid);
  return nextNewTables(state, { policy, identity, scope }, new Set(wanted));
}

/** What is remembered next: with these tables, where that is something new. */
function nextMemory(
  state: SourceState,
  tables: readonly RememberedTable[] | null,
  newTables: NewTables | undefined,
  chosen: readonly ChosenTable[],
): Memory {
  const old = state.publication;
  const tracked = new Set(chosen.map(({ relation }) => relation.oid));
  const known = [...(tables ?? knownTables(state)), ...beforeNewTables(state, tables, newTables, chosen)];
  const untracked = old?.memory?.untracked?.filter(({ oid }) => !tracked.has(oid)) ?? [];
  return {
    systemIdentifier: state.server.systemIdentifier,
    databaseOid: state.server.databaseOid,
    isOurs: old === null || (old.memory?.isOurs ?? false),
    comment: old === null ? null : old.memory === null ? old.comment : old.memory.comment,
    tables: known.sort((a, b) => a.oid - b.oid),
    ...(newTables === undefined ? {} : { newTables }),
    ...(untracked.length === 0 ? {} : { untracked }),
  };
}

/**
 * Where new tables are tracked, what isn't remembered is taken for one of them. So everything else has to be, also what
 * needs no change: what is chosen, and as the policy begins what is published.
 */
function beforeNewTables(
  state: SourceState,
  tables: readonly RememberedTable[] | null,
  newTables: NewTables | undefined,
  chosen: readonly ChosenTable[],
): RememberedTable[] {
  if (newTables === undefined) return [];
  const known = new Set((tables ?? knownTables(state)).map(({ oid }) => oid));
  const relations = chosen.flatMap(({ identities }) => identities.map(({ relation }) => relation));
  if (state.publication?.memory?.newTables === undefined) relations.push(...givenTables(state));
  const added = new Map<number, RememberedTable>();
  for (const relation of relations) {
    const { schema, name, oid, identity, identityIndex: index } = relation;
    if (known.has(oid) || autoTracked(state, relation) !== undefined) continue;
    added.set(oid, { schema, name, oid, identity, index, isAdded: false });
  }
  return [...added.values()];
}

/** Whether nothing is to be remembered that isn't: what is changed of tables was compared before. */
function isSameMemory(before: Memory | null, next: Memory): boolean {
  const rest = (memory: Memory | null): string =>
    JSON.stringify([memory?.newTables ?? null, memory?.untracked ?? null]);
  const known = new Set(before?.tables.map(({ oid }) => oid));
  return (
    rest(before) === rest(next) &&
    (next.newTables === undefined || next.tables.every(({ oid }) => known.has(oid)))
  );
}

/** Gives a table its identity, and only then publishes it. */
export function stepsFor(table: ChosenTable, published: ReadonlySet<number>, publication: string): Step[] {
  const group = quoteTable(table.relation);
  const steps: Step[] = [];
  for (const { relation, wanted } of table.identities) {
    if (relation.identity === wanted) continue;
    const reason =
      wanted === 'full' ? 'the whole row before a change is known' : 'FULL is not for its virtual columns';
    steps.push(identityStep(relation, wanted, relation.identityIndex, reason, group));
  }
  if (!published.has(table.relation.oid)) {
    // ONLY: descendants by inheritance are published only where they are named. It means nothing for a partitioned table.
    steps.push({
      kind: 'publish',
      sql: `ALTER PUBLICATION ${quoteIdentifier(publication)} ADD TABLE ONLY ${quoteTable(table.relation)}`,
      reason: 'its changes are in the stream from here on',
      table: table.relation,
      group,
    });
  }
  return steps;
}
