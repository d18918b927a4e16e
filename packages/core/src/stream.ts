import { ColophonError } from '@colophon/protocol';
import type { AuditTransaction } from './audit/audit-transaction.js';
import { transactionSink } from './audit/transaction-sink.js';
import { type Consumer, createConsumer } from './consumer.js';
import type { SourceOptions } from './consumer-options.js';
import type { SpoolOptions } from './spool/change-spool.js';

/** What `stream` reads, and how. */
export type StreamOptions = Omit<SourceOptions, 'batchChanges' | 'batchBytes' | 'gatherMs'> & SpoolOptions;

interface Pending {
  readonly transaction: AuditTransaction;
  /** It was handled: acknowledge it, and go on. */
  readonly done: () => void;
  /** It was not. */
  readonly abandon: (error: unknown) => void;
}

/**
 * The source's transactions, for `for await`. Each is acknowledged when the next is asked for; one in whose body the loop
 * is left, by `break`, `return` or an error, is not, and comes again. Memory is bounded: changes that don't fit wait on
 * disk. One loop at a time. Throws what `Consumer.run` rejects with.
 */
export function stream(options: StreamOptions): AsyncIterable<AuditTransaction> {
  return { [Symbol.asyncIterator]: () => new TransactionIterator(options) };
}

class TransactionIterator implements AsyncIterator<AuditTransaction, undefined> {
  private readonly consumer: Consumer;
  private running: Promise<void> | null = null;
  private current: Pending | null = null;
  private offered: Pending | null = null;
  private wanted: ((result: IteratorResult<AuditTransaction, undefined>) => void) | null = null;
  private unwanted: ((error: unknown) => void) | null = null;
  private isOver = false;
  private failure: { error: unknown } | null = null;

  constructor(options: StreamOptions) {
    const sink = transactionSink((transaction) => this.offer(transaction), options);
    // One transaction a batch: each is acknowledged by itself.
    this.consumer = createConsumer({ ...options, sink, batchChanges: 1, gatherMs: 0 });
  }

  next(): Promise<IteratorResult<AuditTransaction, undefined>> {
    const { failure } = this;
    this.failure = null;
    if (failure !== null) return Promise.reject(failure.error);
    if (this.isOver) return Promise.resolve({ done: true, value: undefined });
    if (this.wanted !== null) {
      return Promise.reject(
        new ColophonError('INVALID_OPTION', 'next() was called before the last one was answered.'),
      );
    }
    this.current?.done();
    this.current = null;
    const result = new Promise<IteratorResult<AuditTransaction, undefined>>((resolve, reject) => {
      this.wanted = resolve;
      this.unwanted = reject;
    });
    this.running ??= this.consumer.run().catch((error: unknown) => {
      this.isOver = true;
      if (this.wanted === null) this.failure = { error };
      else this.unwanted?.(error);
      this.wanted = null;
    });
    this.give();
    return result;
  }

  async return(): Promise<IteratorResult<AuditTransaction, undefined>> {
    this.isOver = true;
    const stopped = this.consumer.stop();
    const unfinished = new ColophonError(
      'CONNECTION_LOST',
      'The loop was left before this transaction was handled.',
    );
    this.current?.abandon(unfinished);
    this.offered?.abandon(unfinished);
    this.wanted?.({ done: true, value: undefined });
    this.wanted = null;
    await stopped;
    await this.running;
    return { done: true, value: undefined };
  }

  private offer(transaction: AuditTransaction): Promise<void> {
    return new Promise((done, abandon) => {
      if (this.isOver) return abandon(new ColophonError('CONNECTION_LOST', 'The loop was left.'));
      this.offered = { transaction, done, abandon };
      this.give();
    });
  }

  private give(): void {
    const { wanted, offered } = this;
    if (wanted === null || offered === null) return;
    this.wanted = null;
    this.offered = null;
    this.current = offered;
    wanted({ done: false, value: offered.transaction });
  }
}
