import { INIT_MARK } from './names.js';
import type { ReplicaIdentity } from './source-state.js';
import type { TableName } from './table-name.js';

/**
 * What `init` changed, so that `drop` can undo it. Kept as the publication's comment: it goes where the publication
 * goes (dumps, upgrades), whatever store is in use, and is written before what it remembers is changed.
 */
export interface Memory {
  /** The cluster and database it was written in: only there are the tables' OIDs the same. */
  readonly systemIdentifier: string;
  readonly databaseOid: number;
  /** Whether `init` made the publication; if not, `drop` leaves it. */
  readonly isOurs: boolean;
  /** The comment that stood there before. */
  readonly comment: string | null;
  readonly tables: readonly RememberedTable[];
}

/** A table as it was before `init` touched it. */
export interface RememberedTable extends TableName {
  readonly oid: number;
  readonly identity: ReplicaIdentity;
  readonly index: string | null;
  /** Whether `init` added it to the publication. */
  readonly isAdded: boolean;
}

/** The comment that holds the memory. */
export function writeMemory(memory: Memory): string {
  return `${INIT_MARK} ${JSON.stringify(memory)}`;
}

/** The memory in a publication's comment; null where the comment isn't of ours. */
export function readMemory(comment: string | null): Memory | null {
  if (comment === null || !comment.startsWith(INIT_MARK)) return null;
  try {
    const memory = JSON.parse(comment.slice(INIT_MARK.length)) as Memory;
    return Array.isArray(memory.tables) ? memory : null;
  } catch {
    return null;
  }
}
