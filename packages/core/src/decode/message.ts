import type { Lsn } from '@colophon/protocol';
import type { Tuple } from './tuple.js';

/** How a table's old rows are logged: `d`efault (primary key), `n`othing, `f`ull, or by an `i`ndex. */
export type ReplicaIdentity = 'd' | 'n' | 'f' | 'i';

/** Start of a transaction. */
export interface BeginMessage {
  readonly tag: 'begin';
  /** Start of the commit record. */
  readonly commitLsn: Lsn;
  /** Microseconds since 1970-01-01 UTC. */
  readonly committedAtMicros: bigint;
  /** Unsigned, without epoch. */
  readonly xid: number;
}

/** End of a transaction. */
export interface CommitMessage {
  readonly tag: 'commit';
  readonly flags: number;
  /** Start of the commit record. */
  readonly commitLsn: Lsn;
  /** End of the commit record: what is acknowledged. */
  readonly endLsn: Lsn;
  /** Microseconds since 1970-01-01 UTC. */
  readonly committedAtMicros: bigint;
}

/** Where a transaction that was replicated here came from. */
export interface OriginMessage {
  readonly tag: 'origin';
  readonly originLsn: Lsn;
  readonly name: string;
}

/** One column of a relation message. */
export interface RelationColumn {
  readonly name: string;
  readonly typeOid: number;
  readonly typeModifier: number;
  /** Part of the replica identity. With identity FULL every column is. */
  readonly isKey: boolean;
}

/** A table as it was at this point of the transaction. Sent before its first row, and again after it was altered. */
export interface RelationMessage {
  readonly tag: 'relation';
  readonly oid: number;
  readonly schema: string;
  readonly table: string;
  readonly replicaIdentity: ReplicaIdentity;
  readonly columns: readonly RelationColumn[];
}

/** The name of a type that is not built in. */
export interface TypeMessage {
  readonly tag: 'type';
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
}

/** A new row. */
export interface InsertMessage {
  readonly tag: 'insert';
  readonly relationOid: number;
  readonly after: Tuple;
}

/** A changed row. */
export interface UpdateMessage {
  readonly tag: 'update';
  readonly relationOid: number;
  /** What `before` is: `K`, only the identity's columns; `O`, the whole row; null, there is none. */
  readonly oldKind: 'K' | 'O' | null;
  readonly before: Tuple | null;
  readonly after: Tuple;
}

/** A row that is gone. */
export interface DeleteMessage {
  readonly tag: 'delete';
  readonly relationOid: number;
  /** What `before` is: `K`, only the identity's columns; `O`, the whole row. */
  readonly oldKind: 'K' | 'O';
  readonly before: Tuple;
}

/** Tables emptied by one TRUNCATE, cascaded ones too; a partitioned table as its leaves. */
export interface TruncateMessage {
  readonly tag: 'truncate';
  readonly relationOids: readonly number[];
  readonly cascade: boolean;
  readonly restartIdentity: boolean;
}

/** What `pg_logical_emit_message` wrote. */
export interface LogicalMessage {
  readonly tag: 'message';
  readonly transactional: boolean;
  /** End of its WAL record. */
  readonly lsn: Lsn;
  readonly prefix: string;
  /** A view on the received buffer. */
  readonly content: Buffer;
}

/** The messages that carry rows, or the lack of them. */
export type RowMessage = InsertMessage | UpdateMessage | DeleteMessage | TruncateMessage;

/**
 * One message of the plugin `pgoutput`, protocol version 1, without streaming and two-phase commit.
 * @see https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
 */
export type PgoutputMessage =
  | BeginMessage
  | CommitMessage
  | OriginMessage
  | RelationMessage
  | TypeMessage
  | RowMessage
  | LogicalMessage;
