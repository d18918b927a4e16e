import { leavesOf } from '../choose-tables.js';
import type { RememberedTable } from '../memory.js';
import type { RelationState, SourceState } from '../source-state.js';

const knownOids = new WeakMap<SourceState, ReadonlySet<number>>();

/**
 * What a table was that the event trigger tracked: a new one, with the identity that every new table has. The trigger
 * can't note it in the publication's comment, which two transactions can't write at the same time. So it is told by its
 * being published, itself or through its root, where new tables are or were tracked. Undefined for others.
 */
export function autoTracked(state: SourceState, relation: RelationState): RememberedTable | undefined {
  if (state.publication?.memory?.newTables === undefined || !givenOids(state).has(relation.oid))
    return undefined;
  const { schema, name, oid } = relation;
  return { schema, name, oid, identity: 'default', index: null, isAdded: true };
}

/** Everything published, and the partitions of it. */
function givenOids(state: SourceState): ReadonlySet<number> {
  let oids = knownOids.get(state);
  if (oids === undefined) {
    const published = new Set(state.publication?.tables.map(({ oid }) => oid));
    const leaves = state.relations
      .filter(({ oid, kind }) => published.has(oid) && kind === 'partitioned table')
      .flatMap((root) => leavesOf(state, root).map(({ oid }) => oid));
    oids = new Set([...published, ...leaves]);
    knownOids.set(state, oids);
  }
  return oids;
}

/** Everything published, with the partitions that are through their root. */
export function givenTables(state: SourceState): RelationState[] {
  const oids = givenOids(state);
  return state.relations.filter(({ oid }) => oids.has(oid));
}
