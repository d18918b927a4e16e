import type { Sink } from '@colophon/protocol';
import { type NamedChanges, NamingCount } from './naming-count.js';

/**
 * The sink, with a count of changes by table and by whether they have a context, told after each flush. All else that a
 * sink may have is the sink's own.
 */
export function meteredSink(sink: Sink, told: (counts: Iterable<NamedChanges>) => void): Sink {
  const count = new NamingCount(told);
  const counted: Pick<Sink, 'open' | 'write' | 'flush' | 'close'> = {
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
  };
  return new Proxy(sink, {
    get(target, key) {
      if (Object.hasOwn(counted, key)) return counted[key as keyof typeof counted];
      const member = Reflect.get(target, key, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
