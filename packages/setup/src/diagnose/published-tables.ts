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

/** What the publication names for each of these: the table itself, or the partitioned one above it. Each once. */
export function entriesOf(
  state: SourceState,
  publication: PublicationState,
  tables: readonly RelationState[],
): RelationState[] {
  const named = new Set(publication.tables.map(({ oid }) => oid));
  const byOid = new Map(state.relations.map((relation) => [relation.oid, relation]));
  const entries = new Set<RelationState>();
  for (const table of tables) {
    let at: RelationState | undefined = table;
    while (at !== undefined && !named.has(at.oid)) {
      at = at.isPartition && at.parents[0] !== undefined ? byOid.get(at.parents[0]) : undefined;
    }
    entries.add(at ?? table);
  }
  return [...entries];
}
