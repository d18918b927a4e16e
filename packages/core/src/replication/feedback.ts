import { INVALID_LSN, type Lsn } from '@colophon/protocol';

/**
 * What may be acknowledged to the source (SPEC.md, section "Acknowledging"). Pure bookkeeping over one connection:
 * told what was received and what the sink has stored, it knows the safe LSN: every transaction whose commit record
 * starts below it is stored, or holds nothing to store. The safe LSN never goes back, and never passes a transaction
 * that is open or waiting for the sink.
 */
export class Feedback {
  private safeLsn: Lsn;
  private storedLsn: Lsn = INVALID_LSN;
  /** End of the last transaction that the sink is still to store. */
  private awaitedLsn: Lsn = INVALID_LSN;
  /** The furthest position behind `awaitedLsn` that needs no storing. */
  private idleLsn: Lsn = INVALID_LSN;
  private isOpen = false;

  /** Starts from where the slot stands: never below, since old minor versions move a slot back. */
  constructor(confirmedLsn: Lsn) {
    this.safeLsn = confirmedLsn;
  }

  /** What to send to the source now. */
  get safe(): Lsn {
    return this.safeLsn;
  }

  /** Whether everything received is stored and no transaction is open. */
  get isSettled(): boolean {
    return !this.isOpen && this.storedLsn >= this.awaitedLsn;
  }

  /** A transaction has begun to arrive. */
  begin(): void {
    this.isOpen = true;
  }

  /** It is whole, and ends at `endLsn`. `mustStore`: the sink is given it; false where it has nothing to store, or is stored already. */
  commit(endLsn: Lsn, mustStore: boolean): void {
    this.isOpen = false;
    if (mustStore) this.awaitedLsn = endLsn;
    else this.idle(endLsn);
  }

  /** The source says that it has decoded up to here. Counts only between transactions: within one it is the start of its commit record. */
  keepalive(lsn: Lsn): void {
    if (!this.isOpen) this.idle(lsn);
  }

  /** The sink has made everything up to the transaction that ends at `endLsn` durable. */
  stored(endLsn: Lsn): void {
    this.storedLsn = endLsn;
    this.advance(endLsn);
    if (endLsn >= this.awaitedLsn) this.advance(this.idleLsn);
  }

  private idle(lsn: Lsn): void {
    // Below the awaited end it would be a server's mistake, or another's: worth nothing.
    if (lsn < this.awaitedLsn) return;
    if (lsn > this.idleLsn) this.idleLsn = lsn;
    if (this.storedLsn >= this.awaitedLsn) this.advance(lsn);
  }

  private advance(lsn: Lsn): void {
    if (lsn > this.safeLsn) this.safeLsn = lsn;
  }
}
