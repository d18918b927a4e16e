import type { RememberedTable } from './memory.js';
import type { RelationState, SourceState } from './source-state.js';

/**
 * What is remembered of a table. By OID in the database that the memory was written in (a table may have been renamed
 * since), by name in any other (a restored dump gives new OIDs).
 */
export function rememberedTable(state: SourceState, relation: RelationState): RememberedTable | undefined {
  const memory = state.publication?.memory;
  if (memory === null || memory === undefined) return undefined;
  const isSameDatabase =
    memory.systemIdentifier === state.server.systemIdentifier &&
    memory.databaseOid === state.server.databaseOid;
  return memory.tables.find((table) =>
    isSameDatabase
      ? table.oid === relation.oid
      : table.schema === relation.schema && table.name === relation.name,
  );
}
