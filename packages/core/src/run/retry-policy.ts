import type { ColophonError } from '@colophon/protocol';
import type { ConsumerSettings } from '../consumer-options.js';
import { Backoff } from './backoff.js';

const STEADY_MS = 10_000;
const MAX_SILENCE_FACTOR = 64;

/** Whether, and after how long, a run tries again what has failed (SPEC.md, section "States of a run"). */
export class RetryPolicy {
  private readonly settings: ConsumerSettings;
  private readonly backoff = new Backoff();
  private readonly giveUpAtMs: number;
  private hasReached = false;
  private hasStreamed = false;
  private streamingSinceMs = Number.POSITIVE_INFINITY;
  private silenceFactor = 1;

  /** Time runs from now on. */
  constructor(settings: ConsumerSettings) {
    this.settings = settings;
    this.giveUpAtMs = performance.now() + settings.connectTimeoutMs;
  }

  /** How long a connection may be silent; doubled by each that was given up for it, since a server may be busy. */
  get silenceTimeoutMs(): number {
    return this.settings.silenceTimeoutMs * this.silenceFactor;
  }

  /** Whether another consumer's hold on the slot is waited for. */
  get waitsForSlot(): boolean {
    // After a cut the slot may be held by what is left of our own connection: that always passes.
    return this.settings.waitForSlot || this.hasStreamed;
  }

  /** The source has answered. */
  reached(): void {
    this.hasReached = true;
  }

  /** The sink is open and the stream is read. */
  streaming(): void {
    this.hasStreamed = true;
    this.streamingSinceMs = performance.now();
  }

  /** Something was read. */
  received(): void {
    this.silenceFactor = 1;
  }

  /** Something was stored. */
  stored(): void {
    this.backoff.reset();
  }

  /** The connection is over. */
  disconnected(): void {
    // An idle source stores nothing: a connection that lived for a while has worked, too.
    if (performance.now() - this.streamingSinceMs >= STEADY_MS) this.backoff.reset();
    this.streamingSinceMs = Number.POSITIVE_INFINITY;
  }

  /** How long to wait before the next attempt, in milliseconds. Throws what can't be mended by trying again. */
  delayAfter(failure: ColophonError): number {
    if (failure.details.silence === true && this.silenceFactor < MAX_SILENCE_FACTOR) this.silenceFactor *= 2;
    if (!failure.retryable) throw failure;
    if (failure.code === 'SLOT_IN_USE') {
      if (!this.waitsForSlot) throw failure;
    } else {
      const isNew = failure.code === 'CONNECTION_FAILED' ? !this.hasReached : !this.hasStreamed;
      if (isNew && performance.now() >= this.giveUpAtMs) throw failure;
    }
    return this.backoff.next();
  }
}
