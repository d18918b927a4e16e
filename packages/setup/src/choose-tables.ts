import { ColophonError } from '@colophon/protocol';
import { STORE_SCHEMA } from './names.js';
import { rememberedTable } from './remembered-table.js';
import type { RelationState, ReplicaIdentity, SourceState } from './source-state.js';
import { displayTable, quoteTable, type TableName } from './table-name.js';
import { isTablePattern, tableMatcher, type WishedTable } from './table-pattern.js';

/** What `init` makes of a table's replica identity: FULL, or what the table has by itself. */
export type IdentityMode = 'full' | 'default';

/** The tables to track: by name or pattern, or every one that can be. */
export type TableWish = readonly WishedTable[] | 'all';

/** A table to publish, with the identities that must stand first. */
export interface ChosenTable {
  readonly relation: RelationState;
  /** The table itself; for a partitioned one its partitions. */
  readonly identities: readonly { readonly relation: RelationState; readonly wanted: ReplicaIdentity }[];
}

/** A table that can't be tracked, and why. */
export interface LeftOut {
  readonly table: TableName;
  readonly code: 'TABLE_UNSUITABLE' | 'PRIVILEGE_MISSING' | 'LOCK_TIMEOUT';
  readonly reason: string;
}

/** What becomes of the wish. */
export interface TableChoice {
  readonly chosen: readonly ChosenTable[];
  readonly leftOut: readonly LeftOut[];
  readonly notices: readonly string[];
}

/**
 * Decides which tables are published and with which identity. Named tables that can't be are an error
 * (`TABLE_MISSING`, `TABLE_UNSUITABLE`, `PRIVILEGE_MISSING`); of all tables, and of those that a pattern matches, they are
 * left out and said.
 */
export function chooseTables(state: SourceState, wish: TableWish, mode: IdentityMode): TableChoice {
  const wanted = wishedTables(state, wish);
  const chosen: ChosenTable[] = [];
  const faults: LeftOut[] = [];
  const chosenOids = new Set<number>();
  const leftOut: LeftOut[] = [];
  const notices: string[] = [];
  const published = publishedOids(state);
  for (const { relation, isNamed } of wanted) {
    const unfit = isNamed ? faults : leftOut;
    const fault = kindFault(relation) ?? (isNamed ? null : extensionFault(relation));
    if (fault !== null) {
      unfit.push(fault);
      continue;
    }
    const outcome =
      relation.kind === 'partitioned table'
        ? choosePartitioned(state, relation, mode, published, notices)
        : [chooseTable(state, relation, mode, published)];
    for (const table of outcome) {
      if ('reason' in table) unfit.push(table);
      else if (!chosenOids.has(table.relation.oid)) {
        chosenOids.add(table.relation.oid);
        chosen.push(table);
      }
    }
    if (!isNamed) continue;
    const children = state.relations.filter(
      (child) => !child.isPartition && child.parents.includes(relation.oid),
    );
    if (children.length > 0) {
      notices.push(
        `${displayTable(relation)} is inherited by ${children.map(displayTable).join(', ')}: tracked only where named.`,
      );
    }
  }
  if (faults.length > 0) {
    throw new ColophonError(
      faults[0]!.code,
      `${faults.map((fault) => fault.reason).join(' ')} Nothing was changed.`,
      {
        details: { table: displayTable(faults[0]!.table) },
      },
    );
  }
  return { chosen, leftOut, notices };
}

/** A relation that is asked for, by its own name or as one of several. */
export interface Wished {
  readonly relation: RelationState;
  readonly isNamed: boolean;
}

/**
 * The relations that are asked for, each once. A pattern is held against tables outside PostgreSQL's and the store's
 * schemas, of partitioned ones against the root; exclusions count for names too. Throws `TABLE_MISSING` for a name or
 * pattern that finds nothing; an exclusion may, since it is for tables that come and go.
 */
export function wishedTables(state: SourceState, wish: TableWish): Wished[] {
  const all = trackable(state);
  if (wish === 'all') return all.map((relation) => ({ relation, isNamed: false }));
  const names: TableName[] = [];
  const patterns = wish.filter(isTablePattern);
  for (const wished of wish) if (!isTablePattern(wished)) names.push(wished);
  const included = patterns.filter(({ isExclusion }) => !isExclusion);
  const excluded = patterns.filter(({ isExclusion }) => isExclusion).map(tableMatcher);
  const isLeftOut = (relation: RelationState): boolean => excluded.some((matches) => matches(relation));
  const found = new Map<number, Wished>();
  for (const relation of named(state, names)) found.set(relation.oid, { relation, isNamed: true });
  const wanted =
    excluded.length > 0 && included.length === 0 && names.length === 0
      ? [() => true]
      : included.map(tableMatcher);
  for (const [at, matches] of wanted.entries()) {
    const matched = all.filter(matches);
    if (matched.length === 0 && included.length > 0) throw matchesNothing(state, included[at]!.text);
    for (const relation of matched) {
      if (!found.has(relation.oid)) found.set(relation.oid, { relation, isNamed: false });
    }
  }
  return [...found.values()].filter(({ relation }) => !isLeftOut(relation));
}

function matchesNothing(state: SourceState, text: string): ColophonError {
  return new ColophonError(
    'TABLE_MISSING',
    `No table in database ${state.server.database} matches ${text}: * stands for any number of characters, schema public unless said; put a name that holds a star in double quotes. Nothing was changed.`,
    { details: { pattern: text } },
  );
}

/** Partitions come with their root. */
export function trackable(state: SourceState): RelationState[] {
  return state.relations.filter(
    (relation) =>
      (relation.kind === 'table' || relation.kind === 'partitioned table') &&
      relation.persistence !== 'temporary' &&
      !relation.isPartition &&
      !isSystemSchema(relation.schema) &&
      relation.schema !== STORE_SCHEMA,
  );
}

function named(state: SourceState, wish: readonly TableName[]): RelationState[] {
  const relations = new Map(state.relations.map((known) => [quoteTable(known), known]));
  const found: RelationState[] = [];
  const missing: string[] = [];
  for (const name of wish) {
    const relation = relations.get(quoteTable(name));
    if (relation !== undefined) found.push(relation);
    else missing.push(`${displayTable(name)}${suggestion(state, name)}`);
  }
  if (missing.length > 0) {
    throw new ColophonError(
      'TABLE_MISSING',
      `No such table in database ${state.server.database}: ${missing.join(', ')}. Names are taken as they are, case and all, schema public unless said. Nothing was changed.`,
      { details: { tables: missing.length } },
    );
  }
  return found;
}

function suggestion(state: SourceState, wanted: TableName): string {
  const low = wanted.name.toLowerCase();
  const near = state.relations.find(
    (known) =>
      known.name.toLowerCase() === low && !isSystemSchema(known.schema) && known.schema !== STORE_SCHEMA,
  );
  return near === undefined ? '' : ` (there is ${displayTable(near)})`;
}

/** Whether the schema is PostgreSQL's own. */
function isSystemSchema(schema: string): boolean {
  return schema === 'information_schema' || schema.startsWith('pg_');
}

function kindFault(relation: RelationState): LeftOut | null {
  const name = displayTable(relation);
  const unsuitable = (why: string): LeftOut => ({
    table: relation,
    code: 'TABLE_UNSUITABLE',
    reason: `${name} can't be tracked: ${why}.`,
  });
  if (relation.persistence === 'temporary')
    return unsuitable('it is temporary, and PostgreSQL publishes no temporary tables');
  if (isSystemSchema(relation.schema)) return unsuitable("it is PostgreSQL's own");
  if (relation.schema === STORE_SCHEMA) return unsuitable(`schema ${STORE_SCHEMA} is the store's`);
  if (relation.kind !== 'table' && relation.kind !== 'partitioned table') {
    return unsuitable(`it is a ${relation.kind}; name the tables underneath`);
  }
  if (relation.persistence === 'unlogged')
    return unsuitable('it is unlogged, so its changes are in no WAL: ALTER TABLE … SET LOGGED');
  return null;
}

function extensionFault(relation: RelationState): LeftOut | null {
  if (!relation.isOfExtension) return null;
  return {
    table: relation,
    code: 'TABLE_UNSUITABLE',
    reason: `${displayTable(relation)} belongs to an extension: name it in --tables to track it.`,
  };
}

function publishedOids({ publication }: SourceState): ReadonlySet<number> {
  return new Set(publication?.tables.map((table) => table.oid));
}

function chooseTable(
  state: SourceState,
  relation: RelationState,
  mode: IdentityMode,
  published: ReadonlySet<number>,
): ChosenTable | LeftOut {
  const wanted = wantedIdentity(state, relation, mode);
  if (typeof wanted !== 'string') return wanted;
  return (
    ownerFault(state, relation, wanted, published.has(relation.oid)) ?? {
      relation,
      identities: [{ relation, wanted }],
    }
  );
}

/**
 * The root is published where it has a key: every later partition then has it too, and so a usable identity. Without a
 * key a later partition, published through its root, would fail the application's updates: so its partitions one by one.
 */
function choosePartitioned(
  state: SourceState,
  root: RelationState,
  mode: IdentityMode,
  published: ReadonlySet<number>,
  notices: string[],
): (ChosenTable | LeftOut)[] {
  const leaves: RelationState[] = [];
  for (const leaf of leavesOf(state, root)) {
    if (leaf.kind === 'table' && leaf.persistence === 'permanent') leaves.push(leaf);
    else
      notices.push(
        `${displayTable(leaf)}, a partition of ${displayTable(root)}, isn't tracked: it is ${leaf.kind === 'table' ? leaf.persistence : `a ${leaf.kind}`}.`,
      );
  }
  if (!root.hasKey) {
    notices.push(
      `${displayTable(root)} has no primary key, so its partitions are published one by one: run init again for later ones.`,
    );
    return leaves.map((leaf) => chooseTable(state, leaf, mode, published));
  }
  const identities: { relation: RelationState; wanted: ReplicaIdentity }[] = [];
  for (const leaf of leaves) {
    const wanted = wantedIdentity(state, leaf, mode);
    if (typeof wanted !== 'string') return [{ ...wanted, table: root }];
    const fault = ownerFault(state, leaf, wanted, true);
    if (fault !== null) return [{ ...fault, table: root }];
    identities.push({ relation: leaf, wanted });
  }
  if (!published.has(root.oid) && !root.isOwned) return [notOwned(state, root)];
  return [{ relation: root, identities }];
}

/** The partitions at the bottom, whatever stands between. */
export function leavesOf(state: SourceState, root: RelationState): RelationState[] {
  return state.relations
    .filter((relation) => relation.isPartition && relation.parents.includes(root.oid))
    .flatMap((relation) => (relation.kind === 'partitioned table' ? leavesOf(state, relation) : [relation]));
}

/** Whether UPDATE and DELETE of the published table work with this identity. */
export function isUsableIdentity(relation: RelationState, identity: ReplicaIdentity): boolean {
  if (identity === 'full') return relation.virtualColumns.length === 0;
  if (identity === 'index') return relation.identityIndex !== null;
  return identity === 'default' && relation.hasKey;
}

function wantedIdentity(
  state: SourceState,
  relation: RelationState,
  mode: IdentityMode,
): ReplicaIdentity | LeftOut {
  const before = rememberedTable(state, relation)?.identity ?? relation.identity;
  if (mode === 'full' && relation.virtualColumns.length === 0) return 'full';
  if (isUsableIdentity(relation, before)) return before;
  if (mode === 'full' && relation.hasKey) return 'default';
  const name = displayTable(relation);
  const why =
    mode === 'full'
      ? `${name} can't be tracked: replica identity FULL can't hold its virtual generated column ${relation.virtualColumns[0]}, and it has no primary key to use instead: add one.`
      : `${name} can't be tracked: with replica identity ${before.toUpperCase()}${relation.hasKey ? '' : ' and no primary key'} its UPDATEs and DELETEs would fail: give it a primary key, or let init set FULL (--replica-identity full).`;
  return { table: relation, code: 'TABLE_UNSUITABLE', reason: why };
}

function ownerFault(
  state: SourceState,
  relation: RelationState,
  wanted: ReplicaIdentity,
  isPublished: boolean,
): LeftOut | null {
  return relation.isOwned || (isPublished && wanted === relation.identity) ? null : notOwned(state, relation);
}

function notOwned(state: SourceState, relation: RelationState): LeftOut {
  return {
    table: relation,
    code: 'PRIVILEGE_MISSING',
    reason: `${displayTable(relation)} belongs to ${relation.owner}, and role ${state.role.name} isn't its owner: run init as ${relation.owner} or as a superuser.`,
  };
}
