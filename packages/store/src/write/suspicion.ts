import { INVALID_LSN, type Lsn } from '@colophon/protocol';

/** So many flushes without an unstorable record, and the store is quick again. */
const CALM_FLUSHES = 10;

/**
 * Whether records are stored one by one, each with the means to be put aside. A flush that the server refused for what was
 * in it was quick: it tells that something can't be stored, and what is sure to be found again up to its end is then
 * stored carefully, and a little more.
 */
export class Suspicion {
  #until: Lsn = INVALID_LSN;
  #flushesLeft = 0;

  /** Something in a flush that ends with this transaction can't be stored. */
  rouse(lastCommitLsn: Lsn): void {
    this.#until = lastCommitLsn;
    this.#flushesLeft = CALM_FLUSHES;
  }

  /** Whether a flush that begins with this transaction has to be careful. */
  isOf(commitLsn: Lsn): boolean {
    return this.#flushesLeft > 0 || commitLsn <= this.#until;
  }

  /** A careful flush is stored. */
  calm(unstored: number): void {
    this.#flushesLeft = unstored > 0 ? CALM_FLUSHES : Math.max(0, this.#flushesLeft - 1);
  }
}
