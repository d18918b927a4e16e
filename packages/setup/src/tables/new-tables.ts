import type { TableWish } from '../choose-tables.js';
import { isSameDatabase, type Memory } from '../memory.js';
import type { RelationState, SourceState } from '../source-state.js';
import { quoteTable, type TableName } from '../table-name.js';
import { EVERY_TABLE, isTablePattern, type TablePattern, tableMatcher } from '../table-pattern.js';

/** Whether tables that are made later are tracked by themselves, or by `tables track` alone. */
export type NewTablesPolicy = 'auto' | 'manual';

/** What becomes of tables that are made later: kept with the source, for its event trigger and for every consumer. */
export interface NewTables {
  readonly policy: NewTablesPolicy;
  /** Whether they get replica identity FULL, or keep their own. */
  readonly identity: 'full' | 'default';
  /** Which ones: those that a pattern matches and no exclusion does. */
  readonly scope: readonly TablePattern[];
  /** Tables that were there already and that nobody chose: they aren't new. */
  readonly skipped: readonly SkippedTable[];
}

/** A table that isn't new. */
export interface SkippedTable extends TableName {
  readonly oid: number;
}

/** What is wished of new tables; `policy` undefined leaves it as it is. */
export interface NewTablesWish {
  readonly policy: NewTablesPolicy | undefined;
  readonly identity: 'full' | 'default';
  /** Which ones: by the patterns in it. */
  readonly scope: TableWish;
}

/**
 * What is to be remembered of new tables, once those that are wanted are tracked; undefined where nothing ever was. Where
 * they are to be tracked from now on, every table of now that isn't wanted is none.
 */
export function nextNewTables(
  state: SourceState,
  wish: NewTablesWish,
  wanted: ReadonlySet<number>,
): NewTables | undefined {
  const memory = state.publication?.memory ?? null;
  const before = memory?.newTables;
  const policy = wish.policy ?? before?.policy;
  if (policy === undefined || (policy === 'manual' && before === undefined)) return undefined;
  if (policy === 'manual') return { ...before!, policy, skipped: [] };
  const isGoingOn = before?.policy === 'auto';
  const tracked = withRoots(state, [...wanted, ...(state.publication?.tables.map(({ oid }) => oid) ?? [])]);
  const skipped = isGoingOn ? skippedNow(state, memory!, before) : state.relations.filter(isTable);
  return {
    policy,
    identity: wish.policy === undefined ? before!.identity : wish.identity,
    scope: wish.policy === undefined ? before!.scope : scopeOf(wish.scope),
    skipped: skipped
      .filter(({ oid }) => !tracked.has(oid))
      .map(({ schema, name, oid }) => ({ schema, name, oid })),
  };
}

/**
 * New tables that may be tracked, whoever made them: in the scope, not skipped, and not published. A partitioned table
 * without a key may have partitions that aren't.
 */
export function findNewTables(state: SourceState): RelationState[] {
  const memory = state.publication?.memory;
  if (memory?.newTables?.policy !== 'auto') return [];
  const skipped = new Set(skippedNow(state, memory, memory.newTables).map(({ oid }) => oid));
  const published = new Set(state.publication!.tables.map(({ oid }) => oid));
  const isInScope = scopeMatcher(memory.newTables.scope);
  return state.relations.filter(
    (relation) =>
      isTable(relation) &&
      !relation.isOfExtension &&
      !skipped.has(relation.oid) &&
      isInScope(relation) &&
      !published.has(relation.oid),
  );
}

/** Says of tables whether new ones like them are tracked. */
function scopeMatcher(scope: readonly TablePattern[]): (table: TableName) => boolean {
  const included = scope.filter(({ isExclusion }) => !isExclusion).map(tableMatcher);
  const excluded = scope.filter(({ isExclusion }) => isExclusion).map(tableMatcher);
  return (table) => included.some((matches) => matches(table)) && !excluded.some((matches) => matches(table));
}

/** The patterns of the wish; where it has none but for exclusions, every table but these. */
function scopeOf(wish: TableWish): readonly TablePattern[] {
  const patterns = wish === 'all' ? [] : wish.filter(isTablePattern);
  return patterns.some(({ isExclusion }) => !isExclusion) ? patterns : [EVERY_TABLE, ...patterns];
}

/** By oid where they were noted, by name in a database restored from a dump. */
function skippedNow(state: SourceState, memory: Memory, { skipped }: NewTables): readonly SkippedTable[] {
  if (isSameDatabase(memory, state.server)) return skipped;
  const names = new Set(skipped.map(quoteTable));
  return state.relations.filter((relation) => names.has(quoteTable(relation)));
}

function isTable({ kind, persistence, isPartition, schema }: RelationState): boolean {
  return (
    (kind === 'table' || kind === 'partitioned table') &&
    persistence !== 'temporary' &&
    !isPartition &&
    schema !== 'colophon'
  );
}

/** The tables, and those that they are partitions of. */
function withRoots(state: SourceState, oids: readonly number[]): ReadonlySet<number> {
  const relations = new Map(state.relations.map((relation) => [relation.oid, relation]));
  const found = new Set<number>();
  for (let oid of oids) {
    for (
      let at = relations.get(oid);
      at !== undefined;
      at = at.isPartition ? relations.get(oid) : undefined
    ) {
      found.add(at.oid);
      oid = at.parents[0] ?? 0;
    }
  }
  return found;
}
