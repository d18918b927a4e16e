import type { StoredPosition, TransactionPart } from '@colophon/protocol';

/** How much a sink is given at once. */
export interface BatchLimits {
  /** A batch is full at this many changes. */
  readonly maxChanges: number;
  /** … or at about this many bytes. */
  readonly maxBytes: number;
}

/** What is written in one go. */
export interface Batch {
  readonly parts: readonly TransactionPart[];
  readonly changes: number;
  readonly bytes: number;
  /** Whole transactions that end in it. */
  readonly transactions: number;
  /** The position to flush after it; null where it ends inside a transaction. */
  readonly position: StoredPosition | null;
}

interface Entry {
  readonly part: TransactionPart;
  readonly bytes: number;
}

/** Parts that wait for the sink, in the order of the stream. */
export class PartQueue {
  private entries: Entry[] = [];
  /** Changes that wait. */
  changes = 0;
  /** About what they weigh in memory. */
  bytes = 0;
  /** Whole transactions that end in the queue. */
  transactions = 0;

  push(part: TransactionPart, bytes: number): void {
    this.entries.push({ part, bytes });
    this.changes += part.changes.length;
    this.bytes += bytes;
    if (part.end !== null) this.transactions++;
  }

  /** Whether a full batch waits. */
  isFull(limits: BatchLimits): boolean {
    return this.changes >= limits.maxChanges || this.bytes >= limits.maxBytes;
  }

  /**
   * The next batch: up to the last transaction's end within the limits, so that a flush may follow; inside a transaction
   * that is longer than the limits, as much as they allow. Null where nothing waits, or with `wholeOnly` no end.
   */
  take(limits: BatchLimits, wholeOnly = false): Batch | null {
    if (wholeOnly && this.transactions === 0) return null;
    let lastEnd = -1;
    let [changes, bytes, transactions] = [0, 0, 0];
    let upTo = { count: 0, changes: 0, bytes: 0, transactions: 0 };
    for (let at = 0; at < this.entries.length; at++) {
      const { part, bytes: size } = this.entries[at]!;
      changes += part.changes.length;
      bytes += size;
      if (part.end !== null) {
        transactions++;
        lastEnd = at;
      }
      if (part.end !== null || lastEnd < 0) upTo = { count: at + 1, changes, bytes, transactions };
      if (changes >= limits.maxChanges || bytes >= limits.maxBytes) break;
    }
    if (upTo.count === 0) return null;
    const parts = this.entries.splice(0, upTo.count).map((entry) => entry.part);
    this.changes -= upTo.changes;
    this.bytes -= upTo.bytes;
    this.transactions -= upTo.transactions;
    const { facts, end } = parts.at(-1)!;
    const { systemIdentifier, timeline, commitLsn } = facts;
    return {
      parts,
      changes: upTo.changes,
      bytes: upTo.bytes,
      transactions: upTo.transactions,
      position: end === null ? null : { systemIdentifier, timeline, commitLsn, endLsn: end.endLsn },
    };
  }
}
