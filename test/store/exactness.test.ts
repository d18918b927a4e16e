import type { TransactionPart } from '@colophon/protocol';
import { migrateStore, openStore, PostgresStore, type Store } from '@colophon/store';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { type ChangeInput, changesOf, FakeSource, positionAfter, SOURCE, TODO } from './fake-source.js';

let url: string;
let sink: PostgresStore;
let store: Store;
let source: FakeSource;

beforeEach(async () => {
  url = await createDatabase(inject('serverUrl'));
  await migrateStore(url);
  source = new FakeSource();
  sink = new PostgresStore({ url });
  await sink.open(SOURCE);
  store = await openStore(url);
});
afterEach(async () => {
  await sink.close();
  await store.close();
  await dropDatabase(url);
});

// What the text format of COPY could trip over, and JSON, and arrays.
const oddText = fc.oneof(
  fc.constantFrom(
    '\\N',
    '\\.',
    '\\',
    '\\\\',
    '',
    ' ',
    '\t',
    '\n',
    '\r\n',
    '\\t',
    '"',
    "'",
    '{}',
    'null',
    'NULL',
    ',',
    '\u2028',
    'é😀',
    '\b\f\v',
  ),
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom('\\', '\n', '\t', 'N', '.', 'n', '"', '\r', 'x') }),
);
const storableText = oddText.map((text) => text.replaceAll('\0', ''));
const row = fc
  .dictionary(storableText, fc.oneof(storableText, fc.integer(), fc.constant(null), fc.boolean()), {
    maxKeys: 5,
  })
  .filter((object) => !('__proto__' in object));
const name = storableText.filter((text) => text !== '').map((text) => Array.from(text).slice(0, 20).join(''));
const change = fc.record({
  relation: fc.record({ schema: name, table: name, partition: fc.option(name) }),
  operation: fc.constantFrom('CREATE', 'UPDATE', 'DELETE', 'TRUNCATE'),
  primaryKey: fc.option(storableText),
  key: row,
  before: row,
  after: row,
  unchanged: fc.array(storableText, { maxLength: 3 }),
  segment: fc.nat({ max: 2 }),
});
const transaction = fc.record({
  changes: fc.array(change, { maxLength: 6 }),
  contexts: fc.tuple(row, row, row),
  cut: fc.nat({ max: 6 }),
});

it('gives back what it was given, whatever the texts, in order', { timeout: 120_000 }, async () => {
  let last = 0n;
  await fc.assert(
    fc.asyncProperty(fc.array(transaction, { minLength: 1, maxLength: 5 }), async (transactions) => {
      const parts: TransactionPart[] = [];
      const expected: object[] = [];
      for (const { changes, contexts, cut } of transactions) {
        const facts = source.facts();
        const inputs: ChangeInput[] = changes.map(({ relation, key, before, after, operation, ...rest }) => ({
          ...rest,
          operation: operation as 'CREATE',
          relation: { ...TODO, ...relation, keyColumns: Object.keys(key) },
          key: JSON.stringify(key),
          before: JSON.stringify(before),
          after: JSON.stringify(after),
        }));
        const made = changesOf(facts, inputs, 0);
        parts.push({ facts, changes: made.slice(0, cut), end: null });
        parts.push({
          facts,
          changes: made.slice(cut),
          end: source.end(
            facts,
            contexts.map((c) => JSON.stringify(c)),
          ),
        });
        changes.forEach((change, sequence) => {
          const { relation, segment, primaryKey, ...rest } = change;
          expected.push({
            ...rest,
            ...relation,
            primary_key: primaryKey,
            context: contexts[segment],
            sequence,
          });
        });
      }
      await sink.write(parts);
      await sink.flush(positionAfter(parts.at(-1)!));
      const rows = await store.changes({ after: last, order: 'oldest' });
      last = rows.at(-1)?.seq ?? last;
      expect(
        rows.map(
          ({
            schema,
            table,
            partition,
            operation,
            primary_key,
            key,
            before,
            after,
            unchanged,
            context,
            sequence,
          }) => ({
            schema,
            table,
            partition,
            operation,
            primary_key,
            key,
            before,
            after,
            unchanged,
            context,
            sequence,
          }),
        ),
      ).toEqual(expected);
    }),
    { numRuns: 150 },
  );
});

it('keeps a value of 10 MB, and a key that no index could hold', async () => {
  const huge = JSON.stringify({ id: 1, text: 'é\\\n'.repeat(2_500_000) });
  const bytes = Array.from({ length: 4000 }, (_, i) =>
    String.fromCharCode(0x21 + ((i * i * 31 + i * 7) % 90)),
  );
  const key = bytes.join('').replaceAll('\\', '/').replaceAll('"', '_');
  const part = source.transaction({
    changes: [
      { after: huge },
      { key: JSON.stringify({ id: key }), primaryKey: key, after: JSON.stringify({ id: key }) },
    ],
  });
  await sink.write([part]);
  await sink.flush(positionAfter(part));
  const [first, second] = await store.changes({ order: 'oldest' });
  expect(first?.after).toEqual(JSON.parse(huge));
  expect(second?.key).toEqual({ id: key });
  expect(second?.primary_key).toMatch(/^.{1933}…[0-9a-f]{64}$/);
  expect(await store.history('todo', key)).toHaveLength(1);
  expect(await store.history('todo', { id: key })).toHaveLength(1);
});

it('stores 100,000 changes of one transaction in three segments, part by part', async () => {
  const facts = source.facts();
  const contexts = ['{"n":0}', '{"n":1}', '{"n":2}'];
  for (let first = 0; first < 100_000; first += 1000) {
    const inputs = Array.from({ length: 1000 }, (_, i) => ({ segment: Math.floor((first + i) / 33_334) }));
    const end = first + 1000 === 100_000 ? source.end(facts, contexts) : null;
    await sink.write([{ facts, changes: changesOf(facts, inputs, first), end }]);
    if (first === 50_000) expect(await store.changes({ limit: 1 })).toEqual([]);
  }
  await sink.flush({ ...SOURCE, commitLsn: facts.commitLsn, endLsn: source.end(facts).endLsn });
  let sequence = 0;
  for await (const row of store.changes({ order: 'oldest' })) {
    if (row.sequence !== sequence || row.context.n !== Math.floor(sequence / 33_334)) {
      expect(row).toMatchObject({ sequence, context: { n: Math.floor(sequence / 33_334) } });
    }
    sequence++;
  }
  expect(sequence).toBe(100_000);
  expect((await store.status()).sources[0]).toMatchObject({ changes: 100_000n, source: 'shop' });
});

it('writes segments in between where there are very many, each with its context', async () => {
  const facts = source.facts();
  const count = 20_000;
  const inputs = Array.from({ length: count }, (_, segment) => ({ segment }));
  const contexts = inputs.map(({ segment }) => `{"n":${segment},"text":"${'x'.repeat(40)}"}`);
  const large = { facts, changes: changesOf(facts, inputs, 0), end: source.end(facts, contexts) };
  const next = source.transaction({ changes: [{}], contexts: ['{"n":-1}'] });
  await sink.write([large, next]);
  await sink.flush(positionAfter(next));
  const rows = await store.changes({ order: 'oldest' });
  expect(rows.map((row) => row.context.n)).toEqual([...inputs.map(({ segment }) => segment), -1]);
});

it('keeps months apart and puts what has no month in the default partition', async () => {
  const times = [
    '2026-10-31T23:59:59.999999Z',
    '2026-11-01T00:00:00Z',
    '1999-01-01T00:00:00Z',
    '2300-06-01T00:00:00Z',
  ];
  const micros = times.map(
    (time) => BigInt(new Date(time).getTime()) * 1000n + (time.includes('.') ? 999n : 0n),
  );
  const parts = micros.map((committedAtMicros) => source.transaction({ changes: [{}], committedAtMicros }));
  await sink.write(parts);
  await sink.flush(positionAfter(parts.at(-1)!));
  const rows = await store.changes({ order: 'oldest' });
  expect(rows.map((row) => row.committed_at)).toEqual([
    '2026-10-31T23:59:59.999999+00:00',
    '2026-11-01T00:00:00.000000+00:00',
    '1999-01-01T00:00:00.000000+00:00',
    '2300-06-01T00:00:00.000000+00:00',
  ]);
  expect(rows.every((row) => row.source === 'shop')).toBe(true);
  expect((await store.status()).hasDefaultRows).toBe(true);
  expect((await store.status()).partitions).toContain('2026_11');
});

it('remembers keys of tables, the last of each', async () => {
  const relation = {
    oid: 4_294_967_295,
    schema: 'public',
    table: `o'dd "\\ é`,
    rootSchema: null,
    rootTable: null,
    keyColumns: ['a', 'b "c'],
  };
  await sink.rememberRelations([{ ...relation, table: 'before' }, relation]);
  const part = source.transaction({ changes: [{}] });
  await sink.flush(positionAfter(part));
  expect(await sink.recallRelations()).toEqual([relation]);
  const renamed = { ...relation, rootSchema: 'public', rootTable: 'root' };
  await sink.rememberRelations([renamed]);
  const next = source.transaction({ changes: [{}] });
  await sink.write([next]);
  await sink.flush(positionAfter(next));
  await sink.open(SOURCE);
  expect(await sink.recallRelations()).toEqual([renamed]);
});
