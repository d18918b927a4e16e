import { PassThrough } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { type ColumnOptions, type Consumer, createConsumer, ndjsonSink, stream } from '@colophon/core';
import type { Sink } from '@colophon/protocol';
import { migrateStore, openStore, PostgresStore } from '@colophon/store';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type RecordedChange, RecordingSink } from '../core/recording-sink.js';
import { createSource, type SourceFixture } from '../core/source-fixture.js';

const COLUMNS = 'title text, body text, likes_cached_counter int, updated_at timestamptz';
const TABLES = `
  CREATE TABLE post (id int PRIMARY KEY, ${COLUMNS});
  ALTER TABLE post ALTER COLUMN body SET STORAGE EXTERNAL;
  CREATE TABLE by_default (id int PRIMARY KEY, ${COLUMNS});
  ALTER TABLE by_default ALTER COLUMN body SET STORAGE EXTERNAL;
  CREATE TABLE keyed (id int, updated_at timestamptz, n int, PRIMARY KEY (id, updated_at));
  CREATE TABLE parted (id int PRIMARY KEY, seen int, n int) PARTITION BY RANGE (id);
  CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
  CREATE TABLE parted_2 (n int, id int NOT NULL, seen int);
  ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM (100) TO (200);
  CREATE TABLE renamed (id int PRIMARY KEY, seen int, note text)`;
const RULES: ColumnOptions = { ignore: ['*.updated_at', '*_cached_counter', 'parted.seen', 'renamed.seen'] };

let source: SourceFixture;
beforeAll(async () => {
  source = await createSource(inject('serverUrl'), TABLES);
  await source.client.query('ALTER TABLE by_default REPLICA IDENTITY DEFAULT');
});
afterAll(() => source.drop());

const named = (user: number, prefix = 'colophon') =>
  `SELECT pg_logical_emit_message(true, '${prefix}', '{"user":${user}}')`;

function consumerOf(sink: Sink, columns: ColumnOptions = RULES): Consumer {
  return createConsumer({ source: source.url, slot: source.slot, sink, columns });
}

async function drained(consumer: Consumer): Promise<void> {
  const run = consumer.run();
  await consumer.drain(60_000);
  await consumer.stop();
  await run;
}

/** What is recorded of statements, and how much was left out. */
async function recorded(...sql: string[]): Promise<{ stored: RecordedChange[]; ignored: number }> {
  for (const statement of sql) await source.client.query(statement);
  const sink = new RecordingSink();
  const consumer = consumerOf(sink);
  await drained(consumer);
  return { stored: sink.stored, ignored: consumer.status().ignoredChanges };
}

const facts = ({ sequence, operation, context }: RecordedChange) => `${sequence} ${operation} ${context}`;

describe('an update of ignored columns alone', () => {
  it('makes no record, and changes nothing of those around it: order, ordinal, context', async () => {
    const { stored, ignored } = await recorded(`BEGIN; ${named(1)};
      INSERT INTO post VALUES (1, 'a', NULL, 0, 'epoch');
      UPDATE post SET updated_at = now(); ${named(2)};
      UPDATE post SET likes_cached_counter = 1, updated_at = NULL;
      UPDATE post SET title = 'b', likes_cached_counter = 2;
      UPDATE post SET id = 2, updated_at = now();
      UPDATE post SET title = title;
      UPDATE post SET body = repeat('long', 3000);
      UPDATE post SET likes_cached_counter = 9;
      UPDATE post SET likes_cached_counter = NULL, body = body || 'er';
      DELETE FROM post; ${named(3, 'colophon.trail')}; COMMIT`);
    expect(stored.map(facts)).toEqual([
      '0 CREATE {"user":1}',
      ...[3, 4, 5, 6, 8].map((sequence) => `${sequence} UPDATE {"user":3}`),
      '9 DELETE {"user":3}',
    ]);
    expect(ignored).toBe(3);
    // In a record that there is they stand as ever: also what was left out before it.
    expect(JSON.parse(stored[1]!.before)).toMatchObject({
      title: 'a',
      likes_cached_counter: 1,
      updated_at: null,
    });
    expect(JSON.parse(stored[1]!.after)).toMatchObject({ title: 'b', likes_cached_counter: 2 });
    // A large value comes from the old row where the log doesn't carry it.
    expect(JSON.parse(stored[5]!.before)).toMatchObject({
      body: 'long'.repeat(3000),
      likes_cached_counter: 9,
    });
  });

  it('takes no context that stands after it, and gives none', async () => {
    const { stored } = await recorded(
      `INSERT INTO post VALUES (3, 'a', NULL, 0, NULL)`,
      `BEGIN; UPDATE post SET likes_cached_counter = 1; ${named(1, 'colophon.trail')};
       UPDATE post SET title = 'b'; ${named(2, 'colophon.trail')};
       UPDATE post SET likes_cached_counter = 2; ${named(3)};
       UPDATE post SET likes_cached_counter = 3; UPDATE post SET title = 'c'; COMMIT`,
    );
    expect(stored.slice(1).map(facts)).toEqual(['1 UPDATE {"user":2}', '4 UPDATE {"user":3}']);
  });

  it('is recorded where nobody knows that nothing else changed', async () => {
    const { stored, ignored } = await recorded(
      `INSERT INTO by_default VALUES (1, 'a', repeat('long', 3000), 0, NULL)`,
      `UPDATE by_default SET updated_at = now()`,
      `UPDATE by_default SET id = 2`,
    );
    expect(stored.map(({ operation }) => operation)).toEqual(['CREATE', 'UPDATE', 'UPDATE']);
    expect(stored[1]!.unchanged).toEqual(['body']);
    expect(ignored).toBe(0);
  });

  it('is recorded where the column is part of the primary key', async () => {
    const { stored } = await recorded(
      `INSERT INTO keyed VALUES (1, 'epoch', 1)`,
      `UPDATE keyed SET updated_at = now()`,
    );
    expect(stored.map(({ operation }) => operation)).toEqual(['CREATE', 'UPDATE']);
  });

  it('is met in every partition by the name of the root, and not where a row moves', async () => {
    const { stored, ignored } = await recorded(
      `INSERT INTO parted VALUES (1, 0, 0), (101, 0, 0)`,
      `UPDATE parted SET seen = 1`,
      `UPDATE parted SET n = 1`,
      `UPDATE parted SET id = 102, seen = 2 WHERE id = 1`,
    );
    expect(stored.map(({ operation, relation }) => `${operation} ${relation.partition}`)).toEqual([
      'CREATE parted_1',
      'CREATE parted_2',
      'UPDATE parted_1',
      'UPDATE parted_2',
      'DELETE parted_1',
      'CREATE parted_2',
    ]);
    expect(ignored).toBe(2);
  });

  it('is recorded from the moment on that its column has another name, in the middle of a transaction too', async () => {
    const { stored, ignored } = await recorded(
      `INSERT INTO renamed VALUES (1, 0, 'a')`,
      `BEGIN; UPDATE renamed SET seen = 1; ALTER TABLE renamed RENAME COLUMN seen TO visits;
       UPDATE renamed SET visits = 2; ALTER TABLE renamed RENAME COLUMN note TO seen;
       UPDATE renamed SET seen = 'b'; UPDATE renamed SET visits = 3; COMMIT`,
    );
    expect(stored.map(({ sequence, operation }) => `${sequence} ${operation}`)).toEqual([
      '0 CREATE',
      '1 UPDATE',
      '3 UPDATE',
    ]);
    expect(ignored).toBe(2);
  });
});

describe('a transaction of nothing else', () => {
  const only = `UPDATE post SET updated_at = clock_timestamp()`;
  beforeAll(async () => {
    await source.client.query(`TRUNCATE post; INSERT INTO post VALUES (10, 'x', NULL, 0, NULL)`);
    await recorded();
  });

  it('never reaches a sink, and is acknowledged', async () => {
    const sink = new RecordingSink();
    for (let i = 0; i < 5; i++) await source.client.query(`BEGIN; ${named(i)}; ${only}; COMMIT`);
    const { rows } = await source.client.query('SELECT pg_current_wal_insert_lsn()::text AS lsn');
    await drained(consumerOf(sink));
    expect(sink.calls).toEqual(['open', 'close']);
    expect(lsnNumber(await source.confirmed())).toBeGreaterThanOrEqual(lsnNumber(rows[0].lsn));
  });

  it('is neither in the lines of ndjson nor in stream()', async () => {
    await source.client.query(`${only}; UPDATE post SET title = 'first'`);
    await source.client.query(only);
    const output = new PassThrough();
    const lines = textOf(output);
    await drained(consumerOf(ndjsonSink(output)));
    output.end();
    expect(
      (await lines)
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([{ operation: 'UPDATE', sequence: 1, after: { title: 'first' } }]);
    await source.client.query(only);
    await source.client.query(`UPDATE post SET title = 'second'`);
    for await (const { changes } of stream({ source: source.url, slot: source.slot, columns: RULES })) {
      for await (const { after } of changes) expect(after).toMatchObject({ title: 'second' });
      break;
    }
    // The loop was left before that one was handled.
    expect((await recorded()).stored).toHaveLength(1);
  });

  it('is accounted for in the ledger: no gap, however often it starts', async () => {
    const url = await createDatabase(inject('serverUrl'));
    await migrateStore(url);
    const run = () => drained(consumerOf(new PostgresStore({ url })));
    await run();
    for (let i = 0; i < 3; i++) {
      // More log than is accounted for by itself.
      await source.client.query(
        `INSERT INTO by_default SELECT g, repeat('x', 200), NULL, ${i} FROM generate_series(${i + 1}00000, ${i + 1}02000) g`,
      );
      for (let k = 0; k < 20; k++) await source.client.query(only);
      await run();
    }
    const store = await openStore(url);
    expect(await store.gaps()).toEqual([]);
    expect(await store.changes({ table: 'post' })).toEqual([]);
    expect(await store.changes({ table: 'by_default', limit: 5 })).toHaveLength(5);
    await store.close();
    await dropDatabase(url);
  });
});

it('leaving out 100,000 updates takes no longer than storing them', async () => {
  await source.client.query(
    `TRUNCATE post; INSERT INTO post SELECT g, 'a title', NULL, 0, now() FROM generate_series(1, 20000) g`,
  );
  await drained(consumerOf(new RecordingSink()));
  const urls = await Promise.all([0, 1].map(() => createDatabase(inject('serverUrl'))));
  const other = `${source.slot}_other`;
  await source.client.query('SELECT pg_copy_logical_replication_slot($1, $2)', [source.slot, other]);
  for (let i = 1; i <= 5; i++) await source.client.query(`UPDATE post SET likes_cached_counter = ${i}`);
  const seconds: number[] = [];
  for (const [index, url] of urls.entries()) {
    await migrateStore(url);
    const consumer = createConsumer({
      source: source.url,
      slot: index === 0 ? source.slot : other,
      sink: new PostgresStore({ url }),
      columns: index === 0 ? RULES : {},
    });
    const startedAt = performance.now();
    await drained(consumer);
    seconds.push((performance.now() - startedAt) / 1_000);
    const { changes, ignoredChanges } = consumer.status();
    expect([changes, ignoredChanges]).toEqual(index === 0 ? [0, 100_000] : [100_000, 0]);
    await dropDatabase(url);
  }
  await source.client.query('SELECT pg_drop_replication_slot($1)', [other]);
  const [ignoring = Number.NaN, storing = Number.NaN] = seconds;
  console.log(`100,000 updates: ${ignoring.toFixed(2)} s to leave out, ${storing.toFixed(2)} s to store`);
  expect(ignoring).toBeLessThanOrEqual(storing);
});

function lsnNumber(text: string): bigint {
  const [high = '', low = ''] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}
