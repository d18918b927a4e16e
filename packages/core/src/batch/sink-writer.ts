import {
  type AccountedPosition,
  formatLsn,
  type RememberedRelation,
  type Sink,
  type StoredPosition,
} from '@colophon/protocol';
import { type TracedWork, traceWork } from '../trace/tracing.js';
import type { Batch, BatchLimits, PartQueue } from './part-queue.js';

/** What one flush made durable. */
export interface Flushed {
  readonly transactions: number;
  readonly changes: number;
  /** Their weight in memory, about. */
  readonly bytes: number;
  /** How long the sink took, writing included, in milliseconds. */
  readonly durationMs: number;
}

/** What a `SinkWriter` works with. */
export interface SinkWriterOptions {
  readonly sink: Sink;
  readonly queue: PartQueue;
  readonly limits: BatchLimits;
  /** How long transactions that come in quick succession are gathered, in milliseconds. */
  readonly gatherMs: number;
  /** Tables whose keys the sink is to remember. */
  readonly takeRemembered: () => readonly RememberedRelation[];
  /** Room was made in the queue. */
  readonly onTaken: () => void;
  /** How far the sink's ledger is to be moved where nothing waits to be stored; null where it needn't be. */
  readonly takeAccount: (isLast: boolean) => AccountedPosition | null;
  /** The ledger was moved. */
  readonly onAccounted: (position: AccountedPosition) => void;
  /** Something else for the sink to do between two transactions; null where there is nothing. */
  readonly takeErrand: () => (() => Promise<void>) | null;
  /** Everything up to the position is durable. */
  readonly onStored: (position: StoredPosition, flushed: Flushed) => void;
}

/**
 * Moves parts from the queue to the sink, one call at a time. Idle, a transaction is written and flushed as soon as it is
 * whole; under load whatever has gathered meanwhile goes as one batch, with one flush.
 */
export class SinkWriter {
  private readonly options: SinkWriterOptions;
  private wake: (() => void) | null = null;
  private ending: 'finish' | 'abandon' | null = null;
  private lastFlushAtMs = Number.NEGATIVE_INFINITY;
  /** Something is written that isn't flushed: the sink holds half a transaction. */
  private isInside = false;
  private unflushed = { changes: 0, transactions: 0, bytes: 0, durationMs: 0 };
  private span: TracedWork | null = null;

  constructor(options: SinkWriterOptions) {
    this.options = options;
  }

  /** Something was put into the queue. */
  notify(): void {
    this.wake?.();
  }

  /** Writes what is whole, then lets `run` end. */
  finish(): void {
    this.ending ??= 'finish';
    this.wake?.();
  }

  /** Lets `run` end after the call to the sink that is under way. */
  abandon(): void {
    this.ending = 'abandon';
    this.wake?.();
  }

  /** Works until it is told to end. Rejects with the sink's error. */
  async run(): Promise<void> {
    try {
      await this.work();
      // Of a transaction that is only half written.
      this.span?.end();
    } catch (error) {
      this.span?.fail(error);
      throw error;
    }
  }

  private async work(): Promise<void> {
    const { queue, limits } = this.options;
    while (this.ending !== 'abandon') {
      const mustFinish = this.ending === 'finish';
      if (!mustFinish) await this.gather();
      if (this.isAbandoned()) return;
      const errand = this.isInside ? null : this.options.takeErrand();
      if (errand !== null) await errand();
      const batch = queue.take(limits, mustFinish);
      if (batch !== null) await this.write(batch);
      else if (await this.account(mustFinish)) continue;
      else if (mustFinish) return;
      else if (this.ending === null) await this.sleep();
    }
  }

  private isAbandoned(): boolean {
    return this.ending === 'abandon';
  }

  /** A flush costs the store about the same for one change as for hundreds, so soon after one it pays to wait a little. */
  private async gather(): Promise<void> {
    const { queue, limits, gatherMs } = this.options;
    const until = this.lastFlushAtMs + gatherMs * 2;
    const deadline = performance.now() + gatherMs;
    while (this.ending === null && queue.transactions > 0 && !queue.isFull(limits)) {
      const now = performance.now();
      if (now >= until || now >= deadline) return;
      await this.sleep(Math.min(until, deadline) - now, true);
    }
  }

  private async write(batch: Batch): Promise<void> {
    const { sink, takeRemembered, onTaken, onStored } = this.options;
    onTaken();
    const startedAtMs = performance.now();
    const relations = takeRemembered();
    this.span ??= traceWork('colophon.flush', {});
    const { span, unflushed } = this;
    if (relations.length > 0) await sink.rememberRelations?.(relations);
    this.isInside = true;
    await span.within(() => sink.write(batch.parts));
    unflushed.changes += batch.changes;
    unflushed.transactions += batch.transactions;
    unflushed.bytes += batch.bytes;
    const { position } = batch;
    // Also where the source was lost meanwhile: what is stored needn't come again.
    if (position !== null) await span.within(() => sink.flush(position));
    const endedAtMs = performance.now();
    unflushed.durationMs += endedAtMs - startedAtMs;
    if (position === null) return;
    this.isInside = false;
    this.lastFlushAtMs = endedAtMs;
    const { changes, transactions, bytes } = unflushed;
    span.end({
      'colophon.changes': changes,
      'colophon.transactions': transactions,
      'colophon.bytes': bytes,
      'colophon.lsn': formatLsn(position.endLsn),
    });
    this.span = null;
    this.unflushed = { changes: 0, transactions: 0, bytes: 0, durationMs: 0 };
    onStored(position, unflushed);
  }

  /** Says whether there was anything to account for. */
  private async account(isLast: boolean): Promise<boolean> {
    const { sink, takeAccount, onAccounted } = this.options;
    const position = this.isInside ? null : takeAccount(isLast);
    if (position === null) return false;
    await sink.account?.(position);
    onAccounted(position);
    return true;
  }

  /** Until something happens: of each notification, or with `onlyFull` of one that fills a batch. */
  private sleep(timeoutMs?: number, onlyFull = false): Promise<void> {
    const { queue, limits } = this.options;
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const done = () => {
        clearTimeout(timer);
        this.wake = null;
        resolve();
      };
      if (timeoutMs !== undefined) timer = setTimeout(done, timeoutMs);
      this.wake = onlyFull ? () => (this.ending !== null || queue.isFull(limits) ? done() : undefined) : done;
    });
  }
}
