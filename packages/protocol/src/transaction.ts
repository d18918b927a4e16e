import type { Change } from './change.js';
import type { ContextText } from './context.js';
import type { DdlRecord } from './ddl.js';
import type { Lsn } from './lsn.js';

/** What is known of a transaction from its first message on. One object per transaction, shared by its parts. */
export interface TransactionFacts {
  /** The cluster's identifier (`IDENTIFY_SYSTEM`), a decimal number of up to 20 digits. */
  readonly systemIdentifier: string;
  /** The timeline on which it was received. LSNs are comparable only within one. */
  readonly timeline: number;
  /** Unsigned, without epoch. */
  readonly xid: number;
  /** Start of the commit record: the transaction's identity and order within its timeline. */
  readonly commitLsn: Lsn;
  /** The source's clock at commit, in microseconds since 1970-01-01 UTC. */
  readonly committedAtMicros: bigint;
  /** The consumer's clock when the transaction began to arrive, in milliseconds since 1970-01-01 UTC. */
  readonly receivedAtMs: number;
}

/** What is known only when a transaction's last message has come. */
export interface TransactionEnd {
  /** End of the commit record: what is acknowledged once everything is stored. */
  readonly endLsn: Lsn;
  /** The context of each segment of the transaction; `{}` where none was emitted. */
  readonly contexts: readonly ContextText[];
}

/** A transaction or a piece of one: pieces of a transaction follow each other, only the last has an `end`. */
export interface TransactionPart {
  readonly facts: TransactionFacts;
  /** In the order of their `sequence`; may be empty. */
  readonly changes: readonly Change[];
  /** Commands that changed the schema; all of them came before this part's first change. Left out where there are none. */
  readonly ddl?: readonly DdlRecord[];
  /** Null where more parts of this transaction follow. */
  readonly end: TransactionEnd | null;
}
