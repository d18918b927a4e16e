import type { Sink } from '@colophon/protocol';

/** A sink that counts what it was given, also of a transaction that is not whole yet. */
export interface CountingSink extends Sink {
  /** Changes given since it was made; those given again after a failure count again. */
  readonly written: number;
}

/** The sink, counted. */
export function countingSink(sink: Sink): CountingSink {
  let written = 0;
  return {
    get written() {
      return written;
    },
    open: (source) => sink.open(source),
    async write(parts) {
      await sink.write(parts);
      for (const part of parts) written += part.changes.length;
    },
    flush: (position) => sink.flush(position),
    close: () => sink.close(),
    recallRelations: async () => (await sink.recallRelations?.()) ?? [],
    // Whether a sink keeps a ledger, or nonces, shows in these: each is there only where the sink's own is.
    ...(sink.accountedPosition && { accountedPosition: () => sink.accountedPosition!() }),
    ...(sink.account && { account: (position) => sink.account!(position) }),
    ...(sink.recordGaps && { recordGaps: (gaps, accounted) => sink.recordGaps!(gaps, accounted) }),
    ...(sink.lastCommit && { lastCommit: () => sink.lastCommit!() }),
    ...(sink.recallTransactions && { recallTransactions: (from, to) => sink.recallTransactions!(from, to) }),
    ...(sink.recallPublished && { recallPublished: () => sink.recallPublished!() }),
    ...(sink.notePublished && { notePublished: (seen, changes) => sink.notePublished!(seen, changes) }),
    ...(sink.recallNonces && { recallNonces: (windowMs) => sink.recallNonces!(windowMs) }),
    rememberRelations: async (relations) => sink.rememberRelations?.(relations),
  };
}
