import type { TableName } from '../table-name.js';

/** What only doctor asks of a source: sessions, limits and settings of the role, what its clock says. */
export interface SourceHealth {
  /** The server process of this connection. */
  readonly backendPid: number;
  /** Where the server itself listens, as it was reached; null by a socket. */
  readonly serverAddress: string | null;
  readonly serverPort: number;
  /** The server's clock less this machine's, in milliseconds; uncertain by `clockRangeMs`. */
  readonly clockOffsetMs: number;
  readonly clockRangeMs: number;
  /** Settings in force for the role, in milliseconds; 0 where they are off. */
  readonly walSenderTimeoutMs: number;
  readonly statementTimeoutMs: number;
  /** From 17 on; 0 before. */
  readonly transactionTimeoutMs: number;
  readonly isReadOnly: boolean;
  /** Connections that the role and the database may have, and have; -1 where there is no limit. */
  readonly roleLimit: number;
  readonly roleConnections: number;
  readonly databaseLimit: number;
  readonly databaseConnections: number;
  /** Transactions with changes, the oldest first; of others' only where the role may see them. */
  readonly openTransactions: readonly OpenTransaction[];
  readonly preparedTransactions: readonly PreparedTransaction[];
  /** Stored generated columns of what the publication names. */
  readonly generatedColumns: readonly GeneratedColumn[];
  /** Published tables whose primary key can be deferred, which makes it no identity. */
  readonly deferrableKeys: readonly DeferrableKey[];
  /** Published tables that the role may not read. */
  readonly unreadable: readonly TableName[];
}

/** A transaction that has changed something, or began by it. */
interface OpenTransaction {
  readonly pid: number;
  readonly seconds: number;
  readonly isIdle: boolean;
}

/** A transaction of PREPARE TRANSACTION. */
interface PreparedTransaction {
  readonly gid: string;
  readonly owner: string;
  readonly database: string;
  readonly seconds: number;
}

/** A primary key that can be deferred. */
interface DeferrableKey {
  readonly oid: number;
  readonly constraint: string;
  readonly columns: readonly string[];
}

/** A column that is computed from others. */
interface GeneratedColumn extends TableName {
  readonly column: string;
}
