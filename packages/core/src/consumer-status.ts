import type { ColophonError, Gap, Lsn, SourceDescription, StoredPosition } from '@colophon/protocol';
import type { Flushed } from './batch/sink-writer.js';
import type { RenamedColumn } from './redact/table-redactor.js';
import type { UnverifiedReport } from './signature/refusal-report.js';

/**
 * What a consumer is doing.
 *
 * - `idle`: `run` was not called yet.
 * - `connecting`: to the source, or opening the sink.
 * - `waiting`: for the slot, which another consumer holds.
 * - `streaming`: transactions are read and stored.
 * - `retrying`: after a failure of the source or the sink, until the next attempt.
 * - `stopping`: `stop` was called; what is whole is being stored.
 * - `stopped`: `run` has resolved.
 * - `failed`: `run` has rejected.
 */
export type ConsumerState =
  | 'idle'
  | 'connecting'
  | 'waiting'
  | 'streaming'
  | 'retrying'
  | 'stopping'
  | 'stopped'
  | 'failed';

/** Where a consumer stands. Counts are since it was made. */
export interface ConsumerStatus {
  readonly state: ConsumerState;
  /** Null until the source was reached. */
  readonly source: SourceDescription | null;
  /** How far the source has been read. */
  readonly receivedLsn: Lsn;
  /** End of the last transaction that the sink has stored; 0/0 where it is not known. */
  readonly storedLsn: Lsn;
  /** What was last acknowledged to the source. */
  readonly acknowledgedLsn: Lsn;
  /** Everything before it is stored, or holds nothing to store. Log in which nothing is to be stored is acknowledged a mebibyte at a time where the store keeps a ledger. */
  readonly handledLsn: Lsn;
  /** Bytes of WAL between what was received and what is acknowledged. */
  readonly unstoredBytes: bigint;
  /** Transactions and changes stored, and their weight in memory, about. */
  readonly transactions: number;
  readonly changes: number;
  readonly bytes: number;
  /** Changes that wait in memory for the sink. */
  readonly queuedChanges: number;
  /** The source's clock at the last stored transaction's commit, in microseconds since 1970-01-01 UTC. */
  readonly lastCommittedAtMicros: bigint | null;
  /** Milliseconds from that commit to its being stored, by the two clocks. */
  readonly lastDelayMs: number | null;
  /** Emissions met whose signature wasn't right; 0 where none is asked for. One that is read again counts again. */
  readonly unverified: number;
  /** Changes met that make no record, since only columns that `columns.ignore` names changed. One that is read again counts again. */
  readonly ignoredChanges: number;
  /** How often it had to connect again. */
  readonly reconnects: number;
  /** The last failure; null once streaming goes on. */
  readonly lastError: ColophonError | null;
}

/** What a consumer tells, by event. */
export interface ConsumerEvents {
  /** It does something else now. */
  state: [state: ConsumerState];
  /** Something was stored; at most once a second, and when the last of what was read is stored. */
  progress: [status: ConsumerStatus];
  /** One flush of the sink was durable. */
  stored: [position: StoredPosition, flushed: Flushed];
  /** Contexts were met that aren't verified: at once, then at most every ten seconds. */
  unverified: [report: UnverifiedReport];
  /** A column with a redaction rule was renamed: it, or what may be it, is redacted under its new name. */
  renamed: [renamed: RenamedColumn];
  /** A stretch of the source's log isn't accounted for, or what was stored of it isn't the source's any more. Each is told, and recorded, once. */
  gap: [gap: Gap];
  /** Something failed and will be tried again. */
  warning: [error: ColophonError];
}
