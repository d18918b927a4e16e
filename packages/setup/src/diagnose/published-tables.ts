import { leavesOf } from '../choose-tables.js';
import type { PublicationState, RelationState, SourceState } from '../source-state.js';

/** The tables whose changes the publication gives out, unlogged ones too; of a partitioned one its partitions. */
export function publishedTables(state: SourceState, publication: PublicationState): RelationState[] {
  const oids = new Set(publication.tables.map((table) => table.oid));
  const found = new Map<number, RelationState>();
  for (const relation of state.relations) {
    const isPublished =
      oids.has(relation.oid) || publication.isForAllTables || publication.schemas.includes(relation.schema);
    if (!isPublished) continue;
    if (relation.kind === 'partitioned table') {
      for (const leaf of leavesOf(state, relation)) found.set(leaf.oid, leaf);
    } else if (relation.kind === 'table') found.set(relation.oid, relation);
  }
  return [...found.values()];
}

/** What the publication names: the table itself, or the partitioned one above it. */
export function entryOf(
  state: SourceState,
  publication: PublicationState,
  table: RelationState,
): RelationState {
  const entries = new Set(publication.tables.map(({ oid }) => oid));
  for (let at: RelationState | undefined = table; at !== undefined; ) {
    if (entries.has(at.oid)) return at;
    const parents: readonly number[] = at.isPartition ? at.parents : [];
    at = state.relations.find((relation) => parents.includes(relation.oid));
  }
  return table;
}
