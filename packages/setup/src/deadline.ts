import { ColophonError } from '@colophon/protocol';

/** The moment up to which a command may wait for servers. */
export class Deadline {
  readonly timeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  #endsAt: number;

  /** `signal`: once it is aborted nothing is waited for any more. */
  constructor(timeoutMs: number, signal?: AbortSignal) {
    this.timeoutMs = timeoutMs;
    this.#signal = signal;
    this.#endsAt = performance.now() + timeoutMs;
  }

  /** Milliseconds left, at least 1. */
  get remainingMs(): number {
    return Math.max(1, Math.ceil(this.#endsAt - performance.now()));
  }

  /** Starts the time anew: long work goes on as long as each step of it comes to an end. */
  renew(): void {
    this.#endsAt = performance.now() + this.timeoutMs;
  }

  /** Throws `STOPPED` once the signal was given. */
  check(): void {
    if (this.#signal?.aborted) throw stoppedError();
  }

  /** The promise's outcome, or `TIMEOUT` once the time is over, or `STOPPED`. `what` says what was waited for. */
  async race<T>(work: Promise<T>, what: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let stop: (() => void) | undefined;
    const over = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(timeoutError(what, this.timeoutMs)), this.remainingMs);
      stop = () => reject(stoppedError());
      if (this.#signal?.aborted) stop();
      this.#signal?.addEventListener('abort', stop);
    });
    try {
      return await Promise.race([work, over]);
    } finally {
      clearTimeout(timer);
      this.#signal?.removeEventListener('abort', stop!);
    }
  }
}

function timeoutError(what: string, timeoutMs: number): ColophonError {
  return new ColophonError(
    'TIMEOUT',
    `${what} gave no answer within ${timeoutMs / 1000} s: check host and port and what blocks the server, or give a longer --timeout.`,
    { retryable: true, details: { timeoutMs } },
  );
}

function stoppedError(): ColophonError {
  return new ColophonError(
    'STOPPED',
    'Stopped. What the server was doing just then may still be finished there.',
  );
}
