import { fork } from 'node:child_process';
import { createConsumer } from '@colophon/core';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { expect, inject, it } from 'vitest';
import { RecordingSink } from './recording-sink.js';
import { createSource } from './source-fixture.js';

it('reads a LATIN1 database as it is', async () => {
  const admin = new pg.Client({ connectionString: inject('serverUrl') });
  await admin.connect();
  const name = `latin1_${process.pid}`;
  await admin.query(`CREATE DATABASE ${name} ENCODING LATIN1 LOCALE 'C' TEMPLATE template0`);
  const url = new URL(inject('serverUrl'));
  url.pathname = `/${name}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  await client.query('CREATE TABLE "größe" (id int PRIMARY KEY, "käse" text)');
  await client.query('CREATE PUBLICATION colophon FOR ALL TABLES');
  await client.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [name]);
  const sink = new RecordingSink();
  const consumer = createConsumer({ source: url.href, slot: name, sink });
  const run = consumer.run();
  await client.query(`INSERT INTO "größe" VALUES (1, 'Bäckerß')`);
  await consumer.drain(10_000);
  await consumer.stop();
  await run;
  expect(sink.stored[0]?.relation.table).toBe('größe');
  expect(JSON.parse(sink.stored[0]?.after ?? '')).toEqual({ id: 1, käse: 'Bäckerß' });
  await client.end();
  await admin.end();
  await dropDatabase(url.href);
});

it('never audits its own schema, and counts its rows all the same', async () => {
  const source = await createSource(
    inject('serverUrl'),
    'CREATE TABLE todo (id int PRIMARY KEY); CREATE SCHEMA colophon; CREATE TABLE colophon.own (id int PRIMARY KEY)',
  );
  const sink = new RecordingSink();
  const consumer = createConsumer({ source: source.url, slot: source.slot, sink });
  const run = consumer.run();
  await source.client.query('BEGIN');
  await source.client.query('INSERT INTO colophon.own VALUES (1), (2)');
  await source.client.query('INSERT INTO todo VALUES (1)');
  await source.client.query('TRUNCATE colophon.own, todo');
  await source.client.query('COMMIT');
  await source.client.query('INSERT INTO colophon.own VALUES (3)');
  await consumer.drain(10_000);
  await consumer.stop();
  await run;
  expect(sink.stored.map(({ operation, relation }) => [operation, relation.schema])).toEqual([
    ['CREATE', 'public'],
    ['TRUNCATE', 'public'],
  ]);
  expect(sink.stored[0]?.sequence).toBe(2);
  expect(sink.flushes).toBe(1);
  await source.drop();
});

it('keeps up with an idle source: WAL that holds nothing for us is acknowledged, nothing is written', async () => {
  const source = await createSource(inject('serverUrl'));
  await source.client.query('CREATE UNLOGGED TABLE scratch (id int)');
  const other = await createDatabase(inject('serverUrl'));
  const elsewhere = new pg.Client({ connectionString: other });
  await elsewhere.connect();
  const sink = new RecordingSink();
  const consumer = createConsumer({ source: source.url, slot: source.slot, sink });
  const run = consumer.run();
  await consumer.drain(10_000);
  const before = await source.confirmed();
  await elsewhere.query('CREATE TABLE busy AS SELECT g FROM generate_series(1, 50000) g');
  await elsewhere.end();
  await consumer.drain(10_000);
  const moved = await source.client.query('SELECT $1::pg_lsn - $2::pg_lsn > 1000000 AS has', [
    await source.confirmed(),
    before,
  ]);
  expect(moved.rows[0].has).toBe(true);
  expect(sink.flushes).toBe(0);
  await consumer.stop();
  await run;
  await dropDatabase(other);
  await source.drop();
});

it('holds one transaction of 1,000,000 rows in less than 300 MB', { timeout: 180_000 }, async () => {
  const source = await createSource(inject('serverUrl'));
  await source.client.query(
    "INSERT INTO todo (title, n) SELECT 'a title of some forty characters, ' || g, g FROM generate_series(1, 1000000) g",
  );
  const child = fork(new URL('./large-transaction.child.mjs', import.meta.url), [source.url, source.slot]);
  const report = await new Promise<{ changes: number; maxRssMb: number }>((resolve, reject) => {
    child.once('message', (message) => resolve(message as never));
    child.once('exit', (code) => reject(new Error(`ended with ${code}`)));
  });
  // It must end by itself: a timer or a socket left open would keep it.
  await new Promise((resolve) => child.once('exit', resolve));
  console.info(`1,000,000 rows: peak RSS ${report.maxRssMb} MB`);
  expect(report.changes).toBe(1_000_000);
  expect(report.maxRssMb).toBeLessThan(300);
  await source.drop();
});
