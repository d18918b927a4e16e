/** How long to wait between attempts. */
export interface BackoffOptions {
  /** The first wait. Default 100 ms. */
  readonly firstMs?: number;
  /** No wait is longer. Default 5,000 ms. */
  readonly maxMs?: number;
  /** A number from 0 to below 1. Default `Math.random`. */
  readonly random?: () => number;
}

/** Waits that double, each shortened by chance by up to half, so that consumers don't come back all at once. */
export class Backoff {
  private readonly firstMs: number;
  private readonly maxMs: number;
  private readonly random: () => number;
  private attempts = 0;

  constructor(options: BackoffOptions = {}) {
    this.firstMs = options.firstMs ?? 100;
    this.maxMs = options.maxMs ?? 5_000;
    this.random = options.random ?? Math.random;
  }

  /** The next wait in milliseconds. */
  next(): number {
    const full = Math.min(this.maxMs, this.firstMs * 2 ** Math.min(this.attempts++, 30));
    return full * (1 - this.random() / 2);
  }

  /** Starts over: something has worked. */
  reset(): void {
    this.attempts = 0;
  }
}
