import { migrateStore, openStore, PostgresStore, STORE_VERSION, type Store } from '@colophon/store';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { FakeSource, positionAfter, SOURCE, TODO } from './fake-source.js';

let url: string;
let store: Store;

const PAIR = { ...TODO, oid: 2, table: 'pair', keyColumns: ['a', 'b'] };
const LATE = { ...TODO, oid: 3, table: 'late', keyColumns: ['at'] };
const OTHER = { ...TODO, oid: 4, schema: 'archive', table: 'todo' };

beforeAll(async () => {
  url = await createDatabase(inject('serverUrl'));
  await migrateStore(url);
  const source = new FakeSource();
  const day = (n: number) => BigInt(Date.UTC(2026, 10, n)) * 1000n;
  const update = 'UPDATE' as const;
  const parts = [
    source.transaction({
      committedAtMicros: day(1),
      xid: 100,
      contexts: ['{"user":1,"tags":["a"]}'],
      changes: [{ id: 7 }, { id: 8 }],
    }),
    source.transaction({
      committedAtMicros: day(2),
      contexts: ['{"user":2}', '{"user":1}'],
      changes: [
        { id: 9, operation: update, before: '{"id":7,"title":"t"}', after: '{"id":9,"title":"t"}' },
        { id: 8, operation: update, segment: 1, before: '{"id":80,"id2":8}', after: '{"id":8}' },
        { id: 7, relation: OTHER },
      ],
    }),
    source.transaction({
      committedAtMicros: day(3),
      changes: [
        { relation: PAIR, key: '{"a":1,"b":"x"}', primaryKey: '{"a": 1, "b": "x"}' },
        {
          relation: PAIR,
          operation: update,
          key: '{"a":2,"b":"x"}',
          primaryKey: '{"a": 2, "b": "x"}',
          before: '{"note":"\\"a\\":2","b":"x","a":1,"nested":{"a":2}}',
        },
        { relation: LATE, key: '{"at":"2026-11-01T10:00:00+00:00"}', primaryKey: '2026-11-01 10:00:00+00' },
        { relation: TODO, operation: 'DELETE', id: 9, before: '{"id":9}', after: '{}' },
        { relation: TODO, operation: 'TRUNCATE', key: '{}', primaryKey: null, after: '{}' },
        { id: 77, operation: update, before: '{"id":77,"title":"same key"}', after: '{"id":77}' },
        { id: 5, key: '{"id":"5"}', primaryKey: '5', operation: update, before: '{"id":"O\'Neill \\"x\\""}' },
      ],
    }),
  ];
  const sink = new PostgresStore({ url });
  await sink.open(SOURCE);
  await sink.write(parts);
  await sink.flush(positionAfter(parts.at(-1)!));
  await sink.close();
  store = await openStore(url);
});
afterAll(async () => {
  await store.close();
  await dropDatabase(url);
});

const seqs = async (query: AsyncIterable<{ seq: bigint }>) => {
  const found: number[] = [];
  for await (const { seq } of query) found.push(Number(seq));
  return found;
};

it('gives changes by every filter, newest first', async () => {
  expect(await seqs(store.changes())).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  expect(await seqs(store.changes({ table: 'todo', limit: 3 }))).toEqual([12, 11, 10]);
  expect(await seqs(store.changes({ table: 'archive.todo' }))).toEqual([5]);
  expect(await seqs(store.changes({ schema: 'public', table: 'archive.todo' }))).toEqual([]);
  expect(await seqs(store.changes({ operation: ['DELETE', 'TRUNCATE'] }))).toEqual([10, 9]);
  expect(await seqs(store.changes({ context: { user: 1 }, order: 'oldest' }))).toEqual([1, 2, 4]);
  expect(await seqs(store.changes({ context: { tags: ['a'] } }))).toEqual([2, 1]);
  expect(await seqs(store.changes({ from: '2026-11-02', to: new Date('2026-11-03T00:00:00Z') }))).toEqual([
    5, 4, 3,
  ]);
  expect(await seqs(store.changes({ transactionId: 100 }))).toEqual([2, 1]);
  expect(
    await seqs(store.changes({ source: 'shop', environment: 'test', database: 'shop', limit: 1 })),
  ).toEqual([12]);
  expect(await seqs(store.changes({ environment: 'production' }))).toEqual([]);
  expect(await seqs(store.changes({ before: 4n, limit: 2 }))).toEqual([3, 2]);
  expect(await seqs(store.changes({ after: 10, order: 'oldest' }))).toEqual([11, 12]);
  const [first] = await store.changes({ order: 'oldest', limit: 1 });
  expect(await seqs(store.changes({ id: first!.id }))).toEqual([1]);
  expect(await seqs(store.changes({ limit: 0 }))).toEqual([]);
});

it('finds a row by each key it ever had', async () => {
  for (const key of [7, 7n, '7', { id: 7 }, { id: 7n }]) {
    expect(await seqs(store.history('public.todo', key))).toEqual([1, 3]);
  }
  expect(await seqs(store.history('todo', 9))).toEqual([3, 9]);
  expect(await seqs(store.history('todo', 8))).toEqual([2, 4]);
  expect(await seqs(store.history('todo', { id: 80 }))).toEqual([4]);
  expect(await seqs(store.history('todo', 77))).toEqual([11]);
  for (const key of ['O\'Neill "x"', { id: 'O\'Neill "x"' }])
    expect(await seqs(store.history('todo', key))).toEqual([12]);
  for (const key of [{ a: 1, b: 'x' }, { b: 'x', a: 1 }, '{"a": 1, "b": "x"}']) {
    expect(await seqs(store.history('pair', key))).toEqual([6, 7]);
  }
  expect(await seqs(store.history('pair', { a: 2, b: 'x' }))).toEqual([7]);
  for (const key of ['2026-11-01 10:00:00+00', { at: '2026-11-01T10:00:00+00:00' }]) {
    expect(await seqs(store.history('late', key))).toEqual([8]);
  }
  expect(await seqs(store.history('todo', { id: '7' }))).toEqual([]);
});

it('refuses what cannot be meant', async () => {
  for (const options of [
    { key: 7 },
    { table: 'todo', key: {} },
    { limit: -1 },
    { limit: 1.5 },
    { order: 'up' as 'newest' },
  ]) {
    expect(() => store.changes(options)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  }
  expect(() => store.changes({ from: new Date('never') })).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION' }),
  );
  await expect(store.changes({ from: 'the day before' })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  await expect(store.changes({ id: 'x' })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  await expect(store.changes({ table: `'; DROP TABLE x; --` })).resolves.toEqual([]);
});

it('says how far each source is stored', async () => {
  const status = await store.status();
  expect(status).toMatchObject({ version: STORE_VERSION, hasDefaultRows: false });
  expect(status.sizeBytes).toBeGreaterThan(0n);
  expect(status.sources).toEqual([
    expect.objectContaining({
      ...{ source: 'shop', environment: 'test', slot: 'colophon', timeline: 1 },
      changes: 12n,
      lastSeq: 12n,
      lastCommittedAt: '2026-11-03T00:00:00.000000+00:00',
    }),
  ]);
});

it('follows what is stored from now on, and ends when told to', async () => {
  const ended = new AbortController();
  const rows = store.follow({ pollMs: 5, signal: ended.signal, table: 'todo' });
  const next = rows.next();
  const sink = new PostgresStore({ url });
  const source = new FakeSource(0x20_0000_0000n);
  const parts = [
    source.transaction({ changes: [{ relation: PAIR, id: 1 }] }),
    source.transaction({ changes: [{ id: 100 }] }),
  ];
  await sink.open(SOURCE);
  // The first look may come before or after this is stored; `after` would say which. So: until it is seen.
  let seen: unknown;
  next.then((row) => {
    seen = row.value?.primary_key;
  });
  for (let id = 100; seen === undefined; id++) {
    const part = id === 100 ? parts : [source.transaction({ changes: [{ id }] })];
    await sink.write(part);
    await sink.flush(positionAfter(part.at(-1)!));
  }
  expect(Number(seen)).toBeGreaterThanOrEqual(100);
  await sink.close();
  ended.abort();
  for await (const row of rows) expect(row.table).toBe('todo');
  expect((await rows.next()).done).toBe(true);
});
