import type { Sink, StoredPosition, TransactionPart } from '@colophon/protocol';
import { expect, it } from 'vitest';
import { meteredSink } from './metered-sink.js';

class Keeping implements Sink {
  readonly #calls: string[] = [];
  fails = false;

  get calls(): readonly string[] {
    return this.#calls;
  }

  async open(): Promise<null> {
    this.#calls.push('open');
    return null;
  }

  async write(): Promise<void> {
    this.#calls.push('write');
  }

  async flush(): Promise<void> {
    if (this.fails) throw new Error('refused');
    this.#calls.push('flush');
  }

  async close(): Promise<void> {
    this.#calls.push('close');
  }

  /** What a sink may learn later on. */
  async further(word: string): Promise<string> {
    this.#calls.push(word);
    return word;
  }
}

it('counts what is flushed, and leaves all else that a sink can do as it is', async () => {
  const relation = { oid: 1, schema: 'public', table: 'todo', partition: null, keyColumns: [] };
  const parts = [
    { changes: [{ relation, segment: 0 }], end: { endLsn: 1n, contexts: ['{}'] } },
  ] as unknown as TransactionPart[];
  const told: number[] = [];
  const keeping = new Keeping();
  const sink = meteredSink(keeping, (counts) => {
    for (const { changes } of counts) told.push(changes);
  });
  await sink.open({} as never);
  await sink.write(parts);
  keeping.fails = true;
  await expect(sink.flush({} as StoredPosition)).rejects.toThrow('refused');
  expect(told).toEqual([]);
  keeping.fails = false;
  await sink.open({} as never);
  await sink.write(parts);
  await sink.flush({} as StoredPosition);
  expect(told).toEqual([1]);
  expect(await (sink as unknown as Keeping).further('later')).toBe('later');
  expect(sink.recallRelations).toBeUndefined();
  await sink.close();
  expect(keeping.calls).toEqual(['open', 'write', 'open', 'write', 'flush', 'later', 'close']);
});
