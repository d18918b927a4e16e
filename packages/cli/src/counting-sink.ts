import type { Sink } from '@colophon/protocol';

/** A sink that counts what it was given, also of a transaction that is not whole yet. */
export interface CountingSink extends Sink {
  /** Changes given since it was made; those given again after a failure count again. */
  readonly written: number;
}

/** The sink, counted. */
export function countingSink(sink: Sink): CountingSink {
  let written = 0;
  const { recallNonces } = sink;
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
    // Whether it is there says something.
    ...(recallNonces === undefined
      ? {}
      : { recallNonces: (windowMs: number) => recallNonces.call(sink, windowMs) }),
    rememberRelations: async (relations) => sink.rememberRelations?.(relations),
  };
}
