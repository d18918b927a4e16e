import type { Lsn } from '@colophon/protocol';

interface Sample {
  readonly lsn: Lsn;
  readonly atMs: number;
}

const MAX_SAMPLES = 1_000;

/**
 * How long ago the source's log ended where it is acknowledged now: the lag in seconds, also while nothing is read at all.
 * Made of looks at the end of the log, a straight line between two of them; by one clock, that of this machine.
 */
export class LagClock {
  private samples: Sample[] = [];
  private isFromStart = true;

  /** The log ended at `walEndLsn`, and `confirmedLsn` was acknowledged. Gives the lag in seconds; at least that much where it began before the first look. */
  look(walEndLsn: Lsn, confirmedLsn: Lsn, atMs: number): number {
    const last = this.samples.at(-1);
    // Another server's log, after a failover: positions of the two can't be compared.
    if (last !== undefined && walEndLsn < last.lsn) this.samples = [];
    if (this.samples.length === 0) this.isFromStart = true;
    // Where the log stood still, what comes next is no older than the last look at it: the first look and the last are kept.
    if (this.samples.length > 1 && this.samples.at(-2)?.lsn === walEndLsn) this.samples.pop();
    this.samples.push({ lsn: walEndLsn, atMs });
    const next = this.samples.findIndex(({ lsn }) => lsn > confirmedLsn);
    if (next < 0) {
      this.samples = [{ lsn: walEndLsn, atMs }];
      this.isFromStart = false;
      return 0;
    }
    if (next > 0) {
      this.samples = this.samples.slice(next - 1);
      this.isFromStart = false;
    }
    this.thin();
    return (atMs - this.passedAt(confirmedLsn)) / 1_000;
  }

  /** Whether the lag is older than the first look, so that what `look` gives is the least it can be. */
  get isAtLeast(): boolean {
    return this.isFromStart;
  }

  /** When the log passed this position. */
  private passedAt(lsn: Lsn): number {
    const [before, after] = this.samples;
    if (before === undefined || after === undefined || before.lsn > lsn) return before?.atMs ?? 0;
    const share = Number(lsn - before.lsn) / Number(after.lsn - before.lsn);
    return before.atMs + share * (after.atMs - before.atMs);
  }

  /** Days of standstill would make many: every second one will do, the first two being those that count now. */
  private thin(): void {
    if (this.samples.length < MAX_SAMPLES) return;
    const newest = this.samples.length - 1;
    this.samples = this.samples.filter((_, at) => at < 2 || at === newest || at % 2 === 0);
  }
}
