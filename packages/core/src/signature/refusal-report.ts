import type { Refusal, RefusedAt } from './signature-verifier.js';

/** Contexts that weren't verified, put together: many at once are one report. */
export interface UnverifiedReport extends RefusedAt {
  /** How many by reason, since the last report. */
  readonly refusals: Readonly<Partial<Record<Refusal, number>>>;
  readonly count: number;
}

const PAUSE_MS = 10_000;

/** Tells of refusals at once, then at most every ten seconds: whoever can make one can make thousands. */
export class RefusalReport {
  /** All that there were. */
  count = 0;
  private readonly tell: (report: UnverifiedReport) => void;
  private refusals: Partial<Record<Refusal, number>> = {};
  private unreported = 0;
  private last: RefusedAt | null = null;
  private timer: NodeJS.Timeout | null = null;

  constructor(tell: (report: UnverifiedReport) => void) {
    this.tell = tell;
  }

  add(refusal: Refusal, at: RefusedAt): void {
    this.count++;
    this.unreported++;
    this.refusals[refusal] = (this.refusals[refusal] ?? 0) + 1;
    this.last = at;
    if (this.timer === null) this.report();
  }

  /** Tells what is left. */
  end(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.give();
  }

  private report(): void {
    this.timer = null;
    if (!this.give()) return;
    this.timer = setTimeout(() => this.report(), PAUSE_MS);
    this.timer.unref();
  }

  private give(): boolean {
    if (this.last === null || this.unreported === 0) return false;
    const { refusals, unreported: count, last } = this;
    this.refusals = {};
    this.unreported = 0;
    this.tell({ ...last, refusals, count });
    return true;
  }
}
