import { ColophonError } from '@colophon/protocol';

/** The moment up to which a command may wait for servers. */
export class Deadline {
  readonly timeoutMs: number;
  #endsAt: number;

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs;
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

  /** The promise's outcome, or `TIMEOUT` once the time is over. `what` says what was waited for. */
  async race<T>(work: Promise<T>, what: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(timeoutError(what, this.timeoutMs)), this.remainingMs);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
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
