import { ColophonError } from '@colophon/protocol';

const MAX_REPLY_INTERVAL_MS = 10_000;
const MIN_REPLY_INTERVAL_MS = 50;

/** What life is judged by. */
export interface LifeSignsOptions {
  /** How long the server waits for word from us; 0 for ever. */
  readonly senderTimeoutMs: number;
  /** How long its silence is taken for life. */
  readonly silenceTimeoutMs: number;
  /** Whether the socket delivers: while it doesn't, nothing can be heard. */
  readonly isReading: () => boolean;
  /** Bytes received so far: a large row arrives in pieces, for as long as the network takes. */
  readonly bytesRead: () => number;
  /** Gives the server a sign of life; with `wantsReply` it is asked for one. */
  readonly reply: (wantsReply: boolean) => void;
  /** The server has been silent for too long. */
  readonly onSilence: (error: ColophonError) => void;
}

/** Tells the server in good time that we live, also while the socket is paused; and finds out whether it does. */
export class LifeSigns {
  private readonly options: LifeSignsOptions;
  private readonly replyIntervalMs: number;
  private readonly timer: NodeJS.Timeout;
  private lastHeardAtMs: number = performance.now();
  private lastBytesRead = 0;

  /** Begins at once. */
  constructor(options: LifeSignsOptions) {
    this.options = options;
    const { senderTimeoutMs, silenceTimeoutMs } = options;
    this.replyIntervalMs = Math.min(
      MAX_REPLY_INTERVAL_MS,
      silenceTimeoutMs / 4,
      senderTimeoutMs === 0 ? MAX_REPLY_INTERVAL_MS : senderTimeoutMs / 4,
    );
    this.timer = setInterval(() => this.tell(), Math.max(MIN_REPLY_INTERVAL_MS, this.replyIntervalMs));
  }

  /** The server has said something, or couldn't. */
  heard(): void {
    this.lastHeardAtMs = performance.now();
  }

  /** Safe to call twice. */
  end(): void {
    clearInterval(this.timer);
  }

  private tell(): void {
    const { silenceTimeoutMs, isReading, bytesRead, reply, onSilence } = this.options;
    const bytes = bytesRead();
    if (!isReading() || bytes !== this.lastBytesRead) this.heard();
    this.lastBytesRead = bytes;
    const silentMs = performance.now() - this.lastHeardAtMs;
    if (silentMs > silenceTimeoutMs) onSilence(tooSilent(silentMs, silenceTimeoutMs));
    else reply(silentMs > this.replyIntervalMs);
  }
}

function tooSilent(silentMs: number, silenceTimeoutMs: number): ColophonError {
  return new ColophonError(
    'CONNECTION_LOST',
    `The source has been silent for ${Math.round(silentMs)} ms, wanted a word every ${silenceTimeoutMs} ms. Connecting again.`,
    { retryable: true, details: { silence: true } },
  );
}
