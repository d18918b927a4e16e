import { EventEmitter } from 'node:events';
import { ColophonError, formatLsn, type Gap, type Sink, type StoredPosition } from '@colophon/protocol';
import type { Flushed } from './batch/sink-writer.js';
import { type ConsumerOptions, type ConsumerSettings, consumerSettings } from './consumer-options.js';
import type { ConsumerEvents, ConsumerState, ConsumerStatus } from './consumer-status.js';
import type { RenamedColumn } from './redact/table-redactor.js';
import { SourceClient } from './replication/source-client.js';
import { awaitSlot } from './run/await-slot.js';
import { Drains } from './run/drains.js';
import { Progress } from './run/progress.js';
import { RetryPolicy } from './run/retry-policy.js';
import { Sleep } from './run/sleep.js';
import { Session } from './session/session.js';
import { RefusalReport, type UnverifiedReport } from './signature/refusal-report.js';
import { SignatureVerifier } from './signature/signature-verifier.js';
import { type TracedWork, traceWork } from './trace/tracing.js';

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

const PROGRESS_MS = 1_000;

class ReplicationConsumer implements Consumer {
  private readonly settings: ConsumerSettings;
  private readonly sink: Sink;
  private readonly events = new EventEmitter<ConsumerEvents>();
  private readonly progress = new Progress();
  private readonly drains: Drains;
  private readonly sleep = new Sleep();
  private readonly refusals = new RefusalReport((report) => this.tellUnverified(report));
  private readonly verifier: SignatureVerifier | null;
  private state: ConsumerState = 'idle';
  private running: Promise<void> | null = null;
  private session: Session | null = null;
  private isStopping = false;
  /** Seen by the last session, and not recorded yet. */
  private isSourceRestored = false;
  private lastProgressAtMs = 0;

  constructor(settings: ConsumerSettings, sink: Sink) {
    this.settings = settings;
    this.sink = sink;
    this.drains = new Drains(settings);
    const { tables } = settings.redactors;
    if (tables !== null) tables.onRenamed = (renamed) => this.tellRenamed(renamed);
    this.verifier =
      settings.signature === null
        ? null
        : new SignatureVerifier(settings.signature, (refusal, at) => this.refusals.add(refusal, at));
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
      this.sleep.end();
    }
    await this.running?.catch(() => {});
  }

  async drain(timeoutMs?: number): Promise<void> {
    if (this.isStopping || this.state === 'failed') throw stopped();
    await this.drains.drain(this.streaming(), timeoutMs);
  }

  status(): ConsumerStatus {
    const facts = this.progress.facts();
    return {
      state: this.state,
      ...facts,
      unverified: this.refusals.count,
      handledLsn: this.session?.handledLsn ?? facts.acknowledgedLsn,
      queuedChanges: this.session?.queuedChanges ?? 0,
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
    const retries = new RetryPolicy(this.settings);
    try {
      while (!this.isStopping) {
        try {
          await this.connectOnce(retries);
        } catch (error) {
          const failure = asColophonError(error);
          if (this.isStopping) {
            this.warn(failure);
            break;
          }
          const delayMs = retries.delayAfter(failure);
          if (failure.details.isSourceRestored === true) this.isSourceRestored = true;
          this.warn(failure);
          this.become('retrying');
          await this.sleep.for(delayMs);
          this.progress.reconnecting();
        }
      }
    } catch (error) {
      this.end('failed', error);
      throw error;
    }
    this.end('stopped', stopped());
  }

  private async connectOnce(retries: RetryPolicy): Promise<void> {
    const { settings, sink, progress, drains } = this;
    const { slot, publication, config } = settings;
    const client = new SourceClient(config, { slot, publication });
    let connecting: TracedWork | null = traceWork('colophon.connect', { 'colophon.slot': slot });
    const connected = (): void => {
      connecting?.end();
      connecting = null;
    };
    try {
      this.become('connecting');
      await awaitSlot({
        client,
        settings,
        retries,
        isStopping: () => this.isStopping,
        onWaiting: () => {
          // A wait may last for days: no span does.
          connected();
          this.become('waiting');
        },
        sleep: (ms) => this.sleep.for(ms),
      });
      if (this.isStopping) return;
      this.session = new Session({
        settings,
        sink,
        client,
        verifier: this.verifier,
        remembered: progress.position,
        isSourceRestored: this.isSourceRestored,
        silenceTimeoutMs: retries.silenceTimeoutMs,
        handlers: {
          streaming: (source) => {
            connected();
            this.isSourceRestored = false;
            progress.streaming(source);
            retries.streaming();
            this.become('streaming');
          },
          received: (lsn) => {
            progress.received(lsn);
            retries.received();
          },
          stored: (position, committedAtMicros, flushed) => {
            progress.stored(position, committedAtMicros, flushed);
            retries.stored();
            this.tellStored(position, flushed);
          },
          ignored: (changes) => progress.ignored(changes),
          acknowledged: (lsn) => progress.acknowledged(lsn),
          gap: (gap) => this.tellGap(gap),
          marker: (token, endLsn) => drains.marker(token, endLsn),
        },
      });
      await this.session.run();
    } catch (error) {
      connecting?.fail(error);
      connecting = null;
      throw error;
    } finally {
      connected();
      this.session = null;
      retries.disconnected();
      await client.end();
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

  private tellStored(position: StoredPosition, flushed: Flushed): void {
    this.events.emit('stored', position, flushed);
    const now = performance.now();
    if (now - this.lastProgressAtMs < PROGRESS_MS && (this.session?.queuedChanges ?? 0) > 0) return;
    this.lastProgressAtMs = now;
    this.events.emit('progress', this.status());
  }

  private tellGap(gap: Gap): void {
    this.settings.logger.warn({ reason: gap.reason }, `gap in the audit (${gap.reason}): ${gap.detail}`);
    this.events.emit('gap', gap);
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

  private tellRenamed(renamed: RenamedColumn): void {
    this.settings.logger.warn(
      renamed,
      'A column with a redaction rule was renamed: give the rule the new name',
    );
    this.events.emit('renamed', renamed);
  }

  private tellUnverified(report: UnverifiedReport): void {
    const { refusals, count, xid, commitLsn } = report;
    const details = { ...refusals, xid, commitLsn: formatLsn(commitLsn) };
    this.settings.logger.warn(details, `${count} contexts with a signature that isn't right, or none`);
    this.events.emit('unverified', report);
  }

  private warn(error: ColophonError): void {
    this.progress.lastError = error;
    this.settings.logger.warn({ code: error.code }, error.message);
    this.events.emit('warning', error);
  }

  private end(state: 'stopped' | 'failed', error: unknown): void {
    if (state === 'failed') this.progress.lastError = asColophonError(error);
    this.drains.abandon(error);
    this.refusals.end();
    this.become(state);
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
