import { quoteIdentifier, quoteLiteral } from '@colophon/protocol';
import { INIT_MARK } from './names.js';
import type { ReplicaIdentity } from './source-state.js';
import type { TableName } from './table-name.js';
import type { NewTables } from './tables/new-tables.js';

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
  /** What becomes of tables that are made later; absent where that was never said: then nothing does. */
  readonly newTables?: NewTables;
  /** Tables taken out of the publication on purpose, and by whom. */
  readonly untracked?: readonly UntrackedTable[];
}

/** A table that somebody took out of the publication by `colophon tables untrack`. */
export interface UntrackedTable extends TableName {
  readonly oid: number;
  /** `colophon tables untrack as admin`. */
  readonly by: string;
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

/** The statement that writes it. */
export function memoryStatement(publication: string, memory: Memory): string {
  return `COMMENT ON PUBLICATION ${quoteIdentifier(publication)} IS ${quoteLiteral(writeMemory(memory))}`;
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

/** Whether the memory was written in this database: only there do its oids mean anything. */
export function isSameDatabase(
  memory: Memory,
  server: { readonly systemIdentifier: string; readonly databaseOid: number },
): boolean {
  return memory.systemIdentifier === server.systemIdentifier && memory.databaseOid === server.databaseOid;
}
