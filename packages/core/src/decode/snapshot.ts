/** What a catalog query could see: the text of `pg_current_snapshot()`, by 32-bit transaction ids as pgoutput gives them. */
export class Snapshot {
  private readonly xmin: number;
  private readonly xmax: number;
  private readonly inProgress: ReadonlySet<number>;

  constructor(text: string) {
    const [xmin, xmax, list] = text.split(':') as [string, string, string];
    this.xmin = lowBits(xmin);
    this.xmax = lowBits(xmax);
    this.inProgress = new Set(list === '' ? [] : list.split(',').map(lowBits));
  }

  /** Whether a committed transaction, and so all that it had seen itself, is visible. */
  sees(xid: number): boolean {
    if (precedes(xid, this.xmin)) return true;
    return precedes(xid, this.xmax) && !this.inProgress.has(xid);
  }
}

function lowBits(xid8: string): number {
  return Number(BigInt.asUintN(32, BigInt(xid8)));
}

/** Transaction ids are a circle: half of it is the past. */
function precedes(xid: number, other: number): boolean {
  return ((xid - other) | 0) < 0;
}
