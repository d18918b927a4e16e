import { EventEmitter } from 'node:events';
import {
  ColophonError,
  INVALID_LSN,
  type Lsn,
  type Sink,
  type SourceDescription,
  type StoredPosition,
} from '@colophon/protocol';
import { Backoff } from './backoff.js';
import { type ConsumerOptions, type ConsumerSettings, consumerSettings } from './consumer-options.js';
import type { ConsumerEvents, ConsumerState, ConsumerStatus } from './consumer-status.js';
import { commitMarker, markerToken } from './marker.js';
import { checkSource } from './replication/check-source.js';
import { SourceClient } from './replication/source-client.js';
import { type Flushed, Session } from './session.js';

/** Reads a source and gives whole transactions, stitched, to a sink. Made by `createConsumer`. */
export interface Consumer {
  /** Works until `stop`, then resolves. Rejects with a `ColophonError` on what trying again can't mend. May be called once. */
  run(): Promise<void>;
  /** Stores what is whole, acknowledges it, disconnects. Resolves when that is done; what is half stays for the next run. */
  stop(): Promise<void>;
  /**
   * Resolves once everything that was committed at the source before this call is stored and acknowledged; where `run`
   * isn't called yet, it is waited for. Needs the right to write at the source. Rejects with `TIMEOUT` after `timeoutMs`
   * (default: never), with what ended `run`, or when the consumer is stopped first.
   */
  drain(timeoutMs?: number): Promise<void>;
  /** Where it stands. */
  status(): ConsumerStatus;
  on<Event extends keyof ConsumerEvents>(
    event: Event,
    listener: (...args: ConsumerEvents[Event]) => void,
  ): this;
  off<Event extends keyof ConsumerEvents>(
    event: Event,
    listener: (...args: ConsumerEvents[Event]) => void,
  ): this;
}

/** Makes a consumer; nothing is connected before `run`. Throws `INVALID_OPTION`. */
export function createConsumer(options: ConsumerOptions): Consumer {
  return new ReplicationConsumer(consumerSettings(options), options.sink);
}

// Well below the five seconds in which a free slot is to be taken over.
const SLOT_POLL_MS = 1_000;
const PROGRESS_MS = 1_000;
const STEADY_MS = 10_000;
const CONFIRM_POLL_MS = 10;
const CONFIRM_TIMEOUT_MS = 5_000;
const MAX_SILENCE_FACTOR = 64;

interface Waiter {
  readonly resolve: (endLsn: Lsn) => void;
  readonly reject: (error: unknown) => void;
}

class ReplicationConsumer implements Consumer {
  private readonly settings: ConsumerSettings;
  private readonly sink: Sink;
  private readonly events = new EventEmitter<ConsumerEvents>();
  private readonly backoff = new Backoff();
  private readonly waiters = new Map<string, Waiter>();
  private state: ConsumerState = 'idle';
  private running: Promise<void> | null = null;
  private session: Session | null = null;
  private isStopping = false;
  private endSleep: (() => void) | null = null;
  private source: SourceDescription | null = null;
  private hasStreamed = false;
  private hasReached = false;
  private silenceFactor = 1;
  private position: StoredPosition | null = null;
  private receivedLsn: Lsn = INVALID_LSN;
  private acknowledgedLsn: Lsn = INVALID_LSN;
  private counts = { transactions: 0, changes: 0, bytes: 0 };
  private lastCommittedAtMicros: bigint | null = null;
  private lastDelayMs: number | null = null;
  private reconnects = 0;
  private lastError: ColophonError | null = null;
  private lastProgressAtMs = 0;

  constructor(settings: ConsumerSettings, sink: Sink) {
    this.settings = settings;
    this.sink = sink;
  }

  run(): Promise<void> {
    if (this.running !== null) {
      return Promise.reject(
        new ColophonError('INVALID_OPTION', 'run() was called twice. Make another consumer.'),
      );
    }
    this.running = this.work();
    return this.running;
  }

  async stop(): Promise<void> {
    if (!this.isStopping) {
      this.isStopping = true;
      if (this.running === null) {
        this.running = Promise.resolve();
        this.end('stopped', stopped());
        return;
      }
      if (this.state !== 'stopped' && this.state !== 'failed') this.become('stopping');
      this.session?.stop();
      this.endSleep?.();
    }
    await this.running?.catch(() => {});
  }

  async drain(timeoutMs?: number): Promise<void> {
    const { config, prefixes, slot, publication } = this.settings;
    if (this.isStopping || this.state === 'failed') throw stopped();
    const token = markerToken();
    let timer: NodeJS.Timeout | undefined;
    const seen = new Promise<Lsn>((resolve, reject) => {
      this.waiters.set(token, { resolve, reject });
      if (timeoutMs !== undefined) {
        timer = setTimeout(() => reject(timedOut(timeoutMs)), timeoutMs);
      }
    });
    seen.catch(() => {});
    try {
      // A marker committed earlier may be taken, and acknowledged, by whoever still holds the slot.
      await Promise.race([this.streaming(), seen]);
      await Promise.race([commitMarker(config, prefixes[0]!, token, { slot, publication }), seen]);
      await this.confirmed(await seen);
    } finally {
      clearTimeout(timer);
      this.waiters.delete(token);
    }
  }

  /** Resolves once this consumer holds the slot. */
  private streaming(): Promise<void> {
    if (this.state === 'streaming') return Promise.resolve();
    return new Promise((resolve) => {
      const listener = (state: string) => {
        if (state !== 'streaming') return;
        this.off('state', listener);
        resolve();
      };
      this.on('state', listener);
    });
  }

  status(): ConsumerStatus {
    const { receivedLsn, acknowledgedLsn } = this;
    return {
      state: this.state,
      source: this.source,
      receivedLsn,
      storedLsn: this.position?.endLsn ?? INVALID_LSN,
      acknowledgedLsn,
      unstoredBytes: receivedLsn > acknowledgedLsn ? receivedLsn - acknowledgedLsn : 0n,
      ...this.counts,
      queuedChanges: this.session?.queuedChanges ?? 0,
      lastCommittedAtMicros: this.lastCommittedAtMicros,
      lastDelayMs: this.lastDelayMs,
      reconnects: this.reconnects,
      lastError: this.lastError,
    };
  }

  on<Event extends keyof ConsumerEvents>(
    event: Event,
    listener: (...args: ConsumerEvents[Event]) => void,
  ): this {
    this.events.on(event as never, listener as never);
    return this;
  }

  off<Event extends keyof ConsumerEvents>(
    event: Event,
    listener: (...args: ConsumerEvents[Event]) => void,
  ): this {
    this.events.off(event as never, listener as never);
    return this;
  }

  private async work(): Promise<void> {
    const giveUpAtMs = performance.now() + this.settings.connectTimeoutMs;
    try {
      while (!this.isStopping) {
        try {
          await this.attempt();
        } catch (error) {
          const failure = asColophonError(error);
          if (this.isStopping) {
            this.warn(failure);
            break;
          }
          this.judge(failure, giveUpAtMs);
          this.warn(failure);
          this.become('retrying');
          await this.sleep(this.backoff.next());
          this.reconnects++;
        }
      }
    } catch (error) {
      this.end('failed', error);
      throw error;
    }
    this.end('stopped', stopped());
  }

  private async attempt(): Promise<void> {
    const { settings } = this;
    const { slot, publication, config } = settings;
    const client = new SourceClient(config, { slot, publication });
    let streamingSince = Number.POSITIVE_INFINITY;
    try {
      this.become('connecting');
      await this.awaitSlot(client);
      if (this.isStopping) return;
      const session = new Session({
        settings,
        sink: this.sink,
        client,
        remembered: this.position,
        silenceTimeoutMs: settings.silenceTimeoutMs * this.silenceFactor,
        handlers: {
          streaming: (source) => {
            this.source = source;
            this.hasStreamed = true;
            streamingSince = performance.now();
            this.lastError = null;
            this.become('streaming');
          },
          stored: (position, committedAtMicros, flushed) => this.stored(position, committedAtMicros, flushed),
          received: (lsn) => {
            if (lsn > this.receivedLsn) this.receivedLsn = lsn;
            this.silenceFactor = 1;
          },
          acknowledged: (lsn) => {
            this.acknowledgedLsn = lsn;
          },
          marker: (token, endLsn) => this.waiters.get(token)?.resolve(endLsn),
        },
      });
      this.session = session;
      await session.run();
    } finally {
      this.session = null;
      // An idle source stores nothing: a connection that lived for a while has worked, too.
      if (performance.now() - streamingSince >= STEADY_MS) this.backoff.reset();
      await client.end();
    }
  }

  private async awaitSlot(client: SourceClient): Promise<void> {
    const { slot, publication, slotTimeoutMs } = this.settings;
    const giveUpAtMs = performance.now() + slotTimeoutMs;
    while (!this.isStopping) {
      const { isActive } = await checkSource(client, slot, publication);
      this.hasReached = true;
      if (!isActive) return;
      // After a cut the slot may be held by what is left of our own connection: that always passes.
      if (!this.settings.waitForSlot && !this.hasStreamed) throw inUse(slot, false);
      if (performance.now() >= giveUpAtMs) throw inUse(slot, false);
      this.become('waiting');
      await this.sleep(Math.min(SLOT_POLL_MS, Math.max(1, giveUpAtMs - performance.now())));
    }
  }

  /** Throws what can't be mended by trying again. */
  private judge(failure: ColophonError, giveUpAtMs: number): void {
    if (failure.details.silence === true && this.silenceFactor < MAX_SILENCE_FACTOR) this.silenceFactor *= 2;
    if (!failure.retryable) throw failure;
    if (failure.code === 'SLOT_IN_USE' && !this.settings.waitForSlot && !this.hasStreamed) throw failure;
    const isNew = failure.code === 'CONNECTION_FAILED' ? !this.hasReached : !this.hasStreamed;
    if (isNew && failure.code !== 'SLOT_IN_USE' && performance.now() >= giveUpAtMs) throw failure;
  }

  private stored(position: StoredPosition, committedAtMicros: bigint, flushed: Flushed): void {
    this.position = position;
    this.backoff.reset();
    this.counts.transactions += flushed.transactions;
    this.counts.changes += flushed.changes;
    this.counts.bytes += flushed.bytes;
    if (committedAtMicros > 0n) {
      this.lastCommittedAtMicros = committedAtMicros;
      this.lastDelayMs = Date.now() - Number(committedAtMicros / 1_000n);
    }
    this.events.emit('stored', position, flushed);
    const now = performance.now();
    if (now - this.lastProgressAtMs < PROGRESS_MS && (this.session?.queuedChanges ?? 0) > 0) return;
    this.lastProgressAtMs = now;
    this.events.emit('progress', this.status());
  }

  /** The acknowledgement is on its way: until the source shows it, a restart might deliver again. */
  private async confirmed(endLsn: Lsn): Promise<void> {
    const { config, slot, publication } = this.settings;
    const client = new SourceClient(config, { slot, publication });
    const giveUpAtMs = performance.now() + CONFIRM_TIMEOUT_MS;
    try {
      while (performance.now() < giveUpAtMs) {
        const rows = await client.query(
          "SELECT confirmed_flush_lsn - '0/0'::pg_lsn AS lsn FROM pg_catalog.pg_replication_slots WHERE slot_name = $1",
          [slot],
        );
        if (BigInt(String(rows[0]?.lsn ?? 0)) >= endLsn) return;
        await new Promise((resolve) => setTimeout(resolve, CONFIRM_POLL_MS));
      }
    } finally {
      await client.end();
    }
  }

  private become(state: ConsumerState): void {
    if (
      this.state === state ||
      (this.isStopping && state !== 'stopping' && state !== 'stopped' && state !== 'failed')
    ) {
      return;
    }
    this.state = state;
    this.settings.logger.debug({ state }, 'consumer');
    this.events.emit('state', state);
  }

  private warn(error: ColophonError): void {
    this.lastError = error;
    this.settings.logger.warn({ code: error.code }, error.message);
    this.events.emit('warning', error);
  }

  private end(state: 'stopped' | 'failed', error: unknown): void {
    if (state === 'failed') this.lastError = asColophonError(error);
    for (const waiter of this.waiters.values()) waiter.reject(error);
    this.waiters.clear();
    this.become(state);
  }

  private sleep(ms: number): Promise<void> {
    if (this.isStopping) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      const self = this;
      function done(): void {
        clearTimeout(timer);
        self.endSleep = null;
        resolve();
      }
      this.endSleep = done;
    });
  }
}

/** What a sink throws that isn't a `ColophonError` may pass: the store was down, the disk full. */
function asColophonError(error: unknown): ColophonError {
  if (error instanceof ColophonError) return error;
  const reason = error instanceof Error ? error.message.replace(/\s+/g, ' ') : 'unknown reason';
  return new ColophonError('SINK_FAILED', `The sink failed: ${reason}`, { cause: error, retryable: true });
}

function stopped(): ColophonError {
  return new ColophonError('CONNECTION_LOST', 'The consumer was stopped before it had read so far.');
}

function timedOut(timeoutMs: number): ColophonError {
  return new ColophonError(
    'TIMEOUT',
    `Not everything was stored within ${timeoutMs} ms. Wait longer, or see whether the sink keeps up.`,
    { retryable: true, details: { timeoutMs } },
  );
}

function inUse(slot: string, retryable: boolean): ColophonError {
  return new ColophonError(
    'SLOT_IN_USE',
    `Slot ${slot} is in use by another consumer. Stop that one, or let this one wait for it.`,
    { retryable, details: { slot } },
  );
}
