import { isSameDatabase, type Memory, type RememberedTable } from './memory.js';
import type { RelationState, SourceState } from './source-state.js';
import { quoteTable } from './table-name.js';

/** A memory's tables by OID and by name: there may be ten thousand, each of them asked for. */
interface Index {
  readonly byOid: ReadonlyMap<number, RememberedTable>;
  readonly byName: ReadonlyMap<string, RememberedTable>;
}

const indexes = new WeakMap<Memory, Index>();

/**
 * What is remembered of a table. By OID in the database that the memory was written in (a table may have been renamed
 * since), by name in any other (a restored dump gives new OIDs).
 */
export function rememberedTable(state: SourceState, relation: RelationState): RememberedTable | undefined {
  const memory = state.publication?.memory;
  if (memory === null || memory === undefined) return undefined;
  const { byOid, byName } = indexOf(memory);
  return isSameDatabase(memory, state.server) ? byOid.get(relation.oid) : byName.get(quoteTable(relation));
}

function indexOf(memory: Memory): Index {
  let index = indexes.get(memory);
  if (index === undefined) {
    index = {
      byOid: new Map(memory.tables.map((table) => [table.oid, table])),
      byName: new Map(memory.tables.map((table) => [quoteTable(table), table])),
    };
    indexes.set(memory, index);
  }
  return index;
}
