import { ColophonError } from '@colophon/protocol';
import { chooseTables, leavesOf, trackable } from '../choose-tables.js';
import type { RelationState, ReplicaIdentity, SourceState } from '../source-state.js';
import { exactPattern } from '../table-pattern.js';

/** A table as `colophon tables` shows it; a partitioned one by its root. */
export interface ListedTable {
  readonly relation: RelationState;
  /** The tables that hold its rows: itself, or its partitions. */
  readonly leaves: readonly RelationState[];
  /** `partly`: some of its partitions are published one by one, others aren't. */
  readonly tracked: 'yes' | 'partly' | 'no';
  /** Why it isn't and can't be tracked; null where it is or can be. */
  readonly obstacle: string | null;
  /** Of the table, or of all of its partitions; `mixed` where they differ. */
  readonly identity: ReplicaIdentity | 'mixed';
}

/** Every table outside PostgreSQL's and the store's schemas, with whether it is tracked and could be. Pure. */
export function listTables(state: SourceState, mode: 'full' | 'default'): ListedTable[] {
  const published = new Set(state.publication?.tables.map(({ oid }) => oid));
  return trackable(state).map((relation) => {
    const leaves = relation.kind === 'partitioned table' ? leavesOf(state, relation) : [relation];
    const given = leaves.filter(({ oid }) => published.has(oid)).length;
    const isGiven = published.has(relation.oid) || (given > 0 && given === leaves.length);
    const tracked = isGiven ? 'yes' : given > 0 ? 'partly' : 'no';
    const identities = new Set(leaves.map(({ identity }) => identity));
    const [first = relation.identity] = identities;
    return {
      relation,
      leaves,
      tracked,
      obstacle: tracked === 'no' ? obstacleTo(state, relation, mode) : null,
      identity: identities.size > 1 ? 'mixed' : first,
    };
  });
}

function obstacleTo(state: SourceState, relation: RelationState, mode: 'full' | 'default'): string | null {
  try {
    return chooseTables(state, [exactPattern(relation)], mode).leftOut[0]?.reason ?? null;
  } catch (error) {
    if (error instanceof ColophonError) return error.message;
    throw error;
  }
}
