import type { Sink } from '@colophon/protocol';
import { type NamedChanges, NamingCount } from './naming-count.js';

/** The sink, with a count of changes by table and by whether they have a context, told after each flush. */
export function meteredSink(sink: Sink, told: (counts: Iterable<NamedChanges>) => void): Sink {
  const count = new NamingCount(told);
  return {
    async open(source) {
      count.forget();
      return sink.open(source);
    },
    async write(parts) {
      await sink.write(parts);
      count.write(parts);
    },
    async flush(position) {
      await sink.flush(position);
      count.flush();
    },
    async close() {
      count.forget();
      await sink.close();
    },
    recallRelations: async () => (await sink.recallRelations?.()) ?? [],
    rememberRelations: async (relations) => sink.rememberRelations?.(relations),
  };
}
