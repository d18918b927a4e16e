import type { Nonce, NonceMemory } from '@colophon/protocol';

const PAGE_BITS = 2_048;

interface Page {
  readonly bits: Uint8Array;
  /** When the newest on it was signed. */
  newestMs: number;
}

/**
 * Which signatures were seen: a bit for each, since signers count theirs. What was signed longer than `keptMs` before the newest
 * is forgotten, and refused from then on, so memory is bounded: 1,000 signatures a second for an hour are 450 KB.
 */
export class NonceBook {
  private readonly keptMs: number;
  private readonly signers = new Map<string, Map<number, Page>>();
  private newestMs = 0;
  private forgottenMs = 0;
  private pruneAtMs = 0;

  constructor(keptMs: number) {
    this.keptMs = keptMs;
  }

  /** Nothing signed before is known any more. It never goes back. */
  get floorMs(): number {
    return Math.max(this.forgottenMs, this.newestMs - this.keptMs);
  }

  /** Whether it was seen. */
  has({ signer, counter }: Nonce): boolean {
    const page = this.signers.get(signer)?.get(Math.floor(counter / PAGE_BITS));
    const bit = counter % PAGE_BITS;
    return page !== undefined && (page.bits[bit >> 3]! & (1 << (bit & 7))) !== 0;
  }

  /** From now on it was seen. */
  add({ signer, counter, signedAtMs }: Nonce): void {
    this.addRun(signer, counter, counter, signedAtMs);
    if (this.floorMs >= this.pruneAtMs) this.prune();
  }

  /** Takes in what a sink remembers. */
  recall({ forgottenUntilMs, signers }: NonceMemory): void {
    this.forgottenMs = Math.max(this.forgottenMs, forgottenUntilMs);
    for (const { signer, counters, newestMs } of signers) {
      for (const [first, last] of counters) this.addRun(signer, first, last, newestMs);
    }
  }

  private addRun(signer: string, first: number, last: number, signedAtMs: number): void {
    let pages = this.signers.get(signer);
    if (pages === undefined) this.signers.set(signer, (pages = new Map()));
    for (let counter = first; counter <= last; counter++) {
      const number = Math.floor(counter / PAGE_BITS);
      let page = pages.get(number);
      if (page === undefined)
        pages.set(number, (page = { bits: new Uint8Array(PAGE_BITS / 8), newestMs: 0 }));
      const bit = counter % PAGE_BITS;
      page.bits[bit >> 3]! |= 1 << (bit & 7);
      page.newestMs = Math.max(page.newestMs, signedAtMs);
    }
    this.newestMs = Math.max(this.newestMs, signedAtMs);
  }

  private prune(): void {
    const { floorMs } = this;
    for (const [signer, pages] of this.signers) {
      for (const [number, page] of pages) if (page.newestMs < floorMs) pages.delete(number);
      if (pages.size === 0) this.signers.delete(signer);
    }
    this.forgottenMs = floorMs;
    this.pruneAtMs = floorMs + this.keptMs / 16;
  }
}
