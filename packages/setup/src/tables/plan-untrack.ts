import { ColophonError, quoteIdentifier, quoteLiteral } from '@colophon/protocol';
import { leavesOf, type TableWish, wishedTables } from '../choose-tables.js';
import { type Memory, memoryStatement, type UntrackedTable } from '../memory.js';
import { identityStep, type Step } from '../plan.js';
import { isOfInit } from '../plan-drop.js';
import { knownTables } from '../remember-tables.js';
import { rememberedTable } from '../remembered-table.js';
import type { PublicationState, RelationState, SourceState } from '../source-state.js';
import { displayTable, quoteTable } from '../table-name.js';
import { autoTracked } from './auto-tracked.js';
import type { SkippedTable } from './new-tables.js';
import { checkOwner, keptPublication, type TrackPlan } from './plan-track.js';

/**
 * Decides what is changed so that tables are no longer tracked: that it is meant is noted first, then each is taken out of
 * the publication, and only then gets the identity back that it had before. Pure.
 * Throws `PUBLICATION_MISSING`, `PUBLICATION_UNSUITABLE`, `PRIVILEGE_MISSING`, `TABLE_MISSING`, `TABLE_UNSUITABLE`.
 */
export function planUntrack(state: SourceState, name: string, wish: TableWish): TrackPlan {
  const publication = keptPublication(state, name);
  const published = new Set(publication.tables.map(({ oid }) => oid));
  const notices: string[] = [];
  const leaving: RelationState[] = [];
  const asked: RelationState[] = [];
  const restoring: [RelationState, group: string][] = [];
  for (const { relation, isNamed } of wishedTables(state, wish)) {
    const given = publishedOf(state, published, relation);
    const leaves = relation.kind === 'partitioned table' ? leavesOf(state, relation) : [relation];
    // What was taken out before, and whose identity could not be put back then, is put back now.
    for (const leaf of leaves) {
      const group = quoteTable(published.has(leaf.oid) ? leaf : relation);
      if (isToRestore(state, leaf)) restoring.push([leaf, group]);
    }
    leaving.push(...given);
    if (given.length > 0) asked.push(relation);
    const root = relation.isPartition ? rootOf(state, published, relation) : undefined;
    if (root !== undefined) {
      throw unsuitable(
        `${displayTable(relation)} is tracked through ${displayTable(root)}, whose partition it is: untrack that one.`,
      );
    }
    if (given.length === 0 && isNamed) notices.push(`${displayTable(relation)} isn't tracked.`);
  }
  const foreign = leaving.filter((relation) => !isOfColophon(state, publication, relation));
  if (foreign.length > 0) {
    throw unsuitable(
      `${foreign.map(displayTable).join(', ')} ${foreign.length === 1 ? 'was' : 'were'} in publication ${name} before init: its owner takes them out by ALTER PUBLICATION … DROP TABLE.`,
    );
  }
  for (const [relation] of restoring) checkTableOwner(state, relation);
  const by = `colophon tables untrack as ${state.role.name}`;
  const noted = noteLeaving(state, publication.memory!, leaving, asked, by);
  const steps = [
    ...leaving.map((relation) => unpublishStep(name, relation, by)),
    ...restoring.map(([relation, group]) => restoreStep(state, relation, group, notices)),
  ];
  if (steps.length === 0) return { steps, leftOut: [], notices, tracked: [] };
  checkOwner(state, name);
  return {
    steps: leaving.length === 0 ? steps : [memoryStep(name, noted), ...steps],
    leftOut: [],
    notices,
    tracked: leaving,
  };
}

/** What of it is published: itself, its partitions one by one, or both. */
function publishedOf(
  state: SourceState,
  published: ReadonlySet<number>,
  relation: RelationState,
): RelationState[] {
  return [relation, ...leavesOf(state, relation)].filter(({ oid }) => published.has(oid));
}

function rootOf(
  state: SourceState,
  published: ReadonlySet<number>,
  relation: RelationState,
): RelationState | undefined {
  return state.relations.find(
    (root) =>
      root.kind === 'partitioned table' &&
      published.has(root.oid) &&
      leavesOf(state, root).includes(relation),
  );
}

function isOfColophon(state: SourceState, { memory }: PublicationState, relation: RelationState): boolean {
  return memory?.isOurs === true || rememberedTable(state, relation)?.isAdded === true;
}

function isToRestore(state: SourceState, relation: RelationState): boolean {
  const before = rememberedTable(state, relation) ?? autoTracked(state, relation);
  return before !== undefined && isOfInit(relation, before);
}

function restoreStep(state: SourceState, relation: RelationState, group: string, notices: string[]): Step {
  const before = (rememberedTable(state, relation) ?? autoTracked(state, relation))!;
  const isIndexGone = before.identity === 'index' && !relation.indexes.includes(before.index ?? '');
  if (isIndexGone) {
    notices.push(
      `${displayTable(relation)} gets replica identity DEFAULT: its index ${before.index} is gone.`,
    );
  }
  const identity = isIndexGone ? 'default' : before.identity;
  return identityStep(relation, identity, before.index, 'as it was before it was tracked', group);
}

/** The source's event trigger, where there is one, tells by the setting that it is meant. */
function unpublishStep(publication: string, relation: RelationState, by: string): Step {
  return {
    kind: 'unpublish',
    sql: `SET LOCAL colophon.approved_by = ${quoteLiteral(by)}; ALTER PUBLICATION ${quoteIdentifier(publication)} DROP TABLE ONLY ${quoteTable(relation)}`,
    reason: 'its changes are no longer in the stream',
    table: relation,
    group: quoteTable(relation),
  };
}

/** New tables no longer, and untracked by somebody: both, so that nobody takes them for missing. */
function noteLeaving(
  state: SourceState,
  memory: Memory,
  leaving: readonly RelationState[],
  asked: readonly RelationState[],
  by: string,
): Memory {
  const gone = new Set(leaving.map(({ oid }) => oid));
  const { newTables } = memory;
  const named = ({ schema, name, oid }: SkippedTable): SkippedTable => ({ schema, name, oid });
  const names = leaving.map(named);
  const untracked: UntrackedTable[] = [
    ...(memory.untracked ?? []).filter(({ oid }) => !gone.has(oid)),
    ...names.map((name) => ({ ...name, by })),
  ];
  const remembered = new Map(knownTables(state).map((table) => [table.oid, table]));
  for (const relation of leaving.flatMap((one) => [one, ...leavesOf(state, one)])) {
    const auto = autoTracked(state, relation);
    if (auto !== undefined && !remembered.has(relation.oid)) remembered.set(relation.oid, auto);
  }
  return {
    ...memory,
    systemIdentifier: state.server.systemIdentifier,
    databaseOid: state.server.databaseOid,
    tables: [...remembered.values()].sort((a, b) => a.oid - b.oid),
    untracked,
    ...(newTables?.policy === 'auto'
      ? {
          newTables: {
            ...newTables,
            skipped: [...newTables.skipped, ...new Set([...asked, ...leaving])].map(named),
          },
        }
      : {}),
  };
}

function memoryStep(publication: string, memory: Memory): Step {
  return {
    kind: 'memory',
    sql: memoryStatement(publication, memory),
    reason: 'comment: keeps what is untracked, and by whom',
    table: null,
    group: null,
  };
}

function checkTableOwner(state: SourceState, relation: RelationState): void {
  if (relation.isOwned) return;
  throw new ColophonError(
    'PRIVILEGE_MISSING',
    `${displayTable(relation)} belongs to ${relation.owner}, not to role ${state.role.name}, which so can't put its replica identity back: connect as ${relation.owner} or a superuser. Nothing was changed.`,
  );
}

function unsuitable(message: string): ColophonError {
  return new ColophonError('TABLE_UNSUITABLE', `${message} Nothing was changed.`);
}
