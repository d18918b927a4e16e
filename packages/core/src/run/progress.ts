import {
  type ColophonError,
  INVALID_LSN,
  type Lsn,
  type SourceDescription,
  type StoredPosition,
} from '@colophon/protocol';
import type { Flushed } from '../batch/sink-writer.js';
import type { ConsumerStatus } from '../consumer-status.js';

/** How far a consumer has come, over all its connections. */
export class Progress {
  /** What the sink has stored in this process; null before anything was. */
  position: StoredPosition | null = null;
  /** The last failure; null once streaming goes on. */
  lastError: ColophonError | null = null;
  private source: SourceDescription | null = null;
  private receivedLsn: Lsn = INVALID_LSN;
  private acknowledgedLsn: Lsn = INVALID_LSN;
  private counts: Omit<Flushed, 'durationMs'> = { transactions: 0, changes: 0, bytes: 0 };
  private lastCommittedAtMicros: bigint | null = null;
  private lastDelayMs: number | null = null;
  private reconnects = 0;
  private ignoredChanges = 0;

  /** The sink is open and the stream is read. */
  streaming(source: SourceDescription): void {
    this.source = source;
    this.lastError = null;
  }

  /** Read up to here. */
  received(lsn: Lsn): void {
    if (lsn > this.receivedLsn) this.receivedLsn = lsn;
  }

  /** One flush of the sink was durable; `committedAtMicros` is 0 where it isn't known. */
  stored(position: StoredPosition, committedAtMicros: bigint, flushed: Flushed): void {
    const { transactions, changes, bytes } = this.counts;
    this.position = position;
    this.counts = {
      transactions: transactions + flushed.transactions,
      changes: changes + flushed.changes,
      bytes: bytes + flushed.bytes,
    };
    if (committedAtMicros > 0n) {
      this.lastCommittedAtMicros = committedAtMicros;
      this.lastDelayMs = Date.now() - Number(committedAtMicros / 1_000n);
    }
  }

  /** Sent to the source. */
  acknowledged(lsn: Lsn): void {
    this.acknowledgedLsn = lsn;
  }

  /** So many changes were left out. */
  ignored(changes: number): void {
    this.ignoredChanges += changes;
  }

  /** It connects again. */
  reconnecting(): void {
    this.reconnects++;
  }

  /** The same as the facts of a status. */
  facts(): Omit<ConsumerStatus, 'state' | 'queuedChanges' | 'handledLsn' | 'unverified'> {
    const { receivedLsn, acknowledgedLsn } = this;
    return {
      source: this.source,
      receivedLsn,
      storedLsn: this.position?.endLsn ?? INVALID_LSN,
      acknowledgedLsn,
      unstoredBytes: receivedLsn > acknowledgedLsn ? receivedLsn - acknowledgedLsn : 0n,
      ...this.counts,
      ignoredChanges: this.ignoredChanges,
      lastCommittedAtMicros: this.lastCommittedAtMicros,
      lastDelayMs: this.lastDelayMs,
      reconnects: this.reconnects,
      lastError: this.lastError,
    };
  }
}
