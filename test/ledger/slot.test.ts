import { createConsumer } from '@colophon/core';
import { PostgresStore } from '@colophon/store';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { colophon } from '../colophon-command.js';
import { RecordingSink } from '../core/recording-sink.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';
import { expectEnclosed, insertNoted, readLedger, storeOnce, TODO } from './noted-rows.js';

let source: TrackedDatabase;
beforeEach(async () => {
  source = await trackDatabase(inject('serverUrl'), TODO, { tables: 'todo' });
});
afterEach(() => source.drop());

/** Stores row 1, lets `act` make rows 2 and 3 go missing, stores 4 and 5; the gap must hold exactly 2 and 3, once. */
async function expectOneGap(reason: string, act: () => Promise<unknown>): Promise<void> {
  const { client } = source;
  const rows = await insertNoted(client, 1);
  expect(await storeOnce(source)).toEqual([]);
  rows.push(...(await insertNoted(client, 2, 3)));
  await act();
  rows.push(...(await insertNoted(client, 4)));
  await storeOnce(source);
  rows.push(...(await insertNoted(client, 5)));
  expect(await storeOnce(source)).toEqual([]);
  const { ids, gaps } = await readLedger(source.storeUrl);
  expect(ids).toEqual([1, 4, 5]);
  expect(gaps.map((gap) => gap.reason)).toEqual([reason]);
  expectEnclosed(gaps[0]!, rows, ids);
  expect(gaps[0]).toMatchObject({ fromTimeline: 1, toTimeline: 1, tables: null });
  expect(gaps[0]!.lastCommittedAt).toMatch(/^20\d\d-/);
}

it('advanced by somebody: what was passed over is a gap', async () => {
  await expectOneGap('slot-ahead', () =>
    source.client.query('SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())', [source.slot]),
  );
});

it('read by another consumer: what that one took is a gap', async () => {
  await expectOneGap('slot-ahead', async () => {
    const sink = new RecordingSink();
    const other = createConsumer({ source: source.url, slot: source.slot, sink });
    const running = other.run();
    await other.drain(30_000);
    await other.stop();
    await running;
    expect(sink.stored).toHaveLength(2);
  });
});

it('dropped and made anew by hand: what lies between is a gap', async () => {
  await expectOneGap('slot-ahead', async () => {
    await source.client.query('SELECT pg_drop_replication_slot($1)', [source.slot]);
    await source.client.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [source.slot]);
  });
});

it('dropped and made anew by init: the gap is recorded before anything is read, with who did it', async () => {
  await expectOneGap('slot-recreated', async () => {
    await colophon(
      'drop',
      '--yes',
      '--source',
      source.url,
      '--store',
      source.storeUrl,
      '--slot',
      source.slot,
    );
    await colophon('init', ...source.args, '--tables', 'todo', '--yes');
    const { gaps } = await readLedger(source.storeUrl);
    expect(gaps).toMatchObject([{ reason: 'slot-recreated', approvedBy: 'colophon init as postgres' }]);
  });
  const status = JSON.parse(await colophon('status', '--json', ...source.args));
  expect(status.gaps).toMatchObject([{ reason: 'slot-recreated', approved_by: 'colophon init as postgres' }]);
  expect(status.store[0].gaps).toBe(1);
  expect(await colophon('status', ...source.args)).toContain('slot-recreated, from ');
  expect(await colophon('doctor', ...source.args)).toContain('not accounted for');
});

it('advanced before the first run: what init promised is a gap too', async () => {
  const rows = await insertNoted(source.client, 1, 2);
  await source.client.query('SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())', [source.slot]);
  rows.push(...(await insertNoted(source.client, 3)));
  expect(await storeOnce(source)).toMatchObject([{ reason: 'slot-ahead' }]);
  const { ids, gaps } = await readLedger(source.storeUrl);
  expect(ids).toEqual([3]);
  expectEnclosed(gaps[0]!, rows, ids);
});

it('advanced while the consumer was cut off: found when it connects again', async () => {
  const { client, slot } = source;
  const consumer = createConsumer({
    source: source.url,
    slot,
    sink: new PostgresStore({ url: source.storeUrl }),
  });
  const rows = await insertNoted(client, 1);
  const running = consumer.run();
  await consumer.drain(30_000);
  const told = new Promise((resolve) => consumer.on('gap', resolve));
  // In one go, so that nobody takes the slot in between; and the slot is free a moment after its walsender is told.
  await client.query(`DO $$ BEGIN
    PERFORM pg_terminate_backend(active_pid, 10000) FROM pg_replication_slots WHERE slot_name = '${slot}';
  END $$`);
  rows.push(...(await insertNoted(client, 2)));
  for (;;) {
    const moved = await client
      .query('SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())', [slot])
      .then(
        () => true,
        () => false,
      );
    if (moved) break;
    // The consumer was faster: it is cut off again, with a row more.
    await client.query(
      'SELECT pg_terminate_backend(active_pid, 10000) FROM pg_replication_slots WHERE slot_name = $1',
      [slot],
    );
    rows.push(...(await insertNoted(client, rows.length + 1)));
  }
  expect(await told).toMatchObject({ reason: 'slot-ahead' });
  rows.push(...(await insertNoted(client, rows.length + 1)));
  await consumer.drain(30_000);
  await consumer.stop();
  await running;
  const { ids, gaps } = await readLedger(source.storeUrl);
  expect(gaps).toHaveLength(1);
  expect(ids).not.toContain(rows.length - 1);
  expectEnclosed(gaps[0]!, rows, ids);
});

it('a label that changes is no gap, whoever read the slot before', async () => {
  await insertNoted(source.client, 1);
  await source.once();
  await insertNoted(source.client, 2);
  await colophon('run', '--once', ...source.args, '--environment', 'production');
  const { ids, gaps } = await readLedger(source.storeUrl);
  expect(ids).toEqual([1, 2]);
  expect(gaps).toEqual([]);
});

it('a store put back to a backup has a gap from there on, also while it is in use', async () => {
  const serverUrl = inject('serverUrl');
  const admin = new pg.Client({ connectionString: serverUrl });
  await admin.connect();
  const storeUrl = await createDatabase(serverUrl);
  const apart = await trackDatabase(serverUrl, TODO, { tables: 'todo', storeUrl });
  const store = new URL(storeUrl).pathname.slice(1);
  const backUp = () => admin.query(`CREATE DATABASE ${store}_backup TEMPLATE ${store}`);
  const putBack = async () => {
    await admin.query(`DROP DATABASE ${store} WITH (FORCE)`);
    await admin.query(`ALTER DATABASE ${store}_backup RENAME TO ${store}`);
  };
  const rows = await insertNoted(apart.client, 1);
  expect(await storeOnce(apart)).toEqual([]);
  await backUp();
  rows.push(...(await insertNoted(apart.client, 2, 3)));
  expect(await storeOnce(apart)).toEqual([]);
  await putBack();
  rows.push(...(await insertNoted(apart.client, 4)));
  expect(await storeOnce(apart)).toMatchObject([{ reason: 'slot-ahead' }]);
  await backUp();
  const consumer = createConsumer({
    source: apart.url,
    slot: apart.slot,
    sink: new PostgresStore({ url: storeUrl }),
  });
  const running = consumer.run();
  const told = new Promise((resolve) => consumer.on('gap', resolve));
  rows.push(...(await insertNoted(apart.client, 5)));
  await consumer.drain(30_000);
  await putBack();
  rows.push(...(await insertNoted(apart.client, 6)));
  expect(await told).toMatchObject({ reason: 'store-restored' });
  await consumer.drain(30_000);
  await consumer.stop();
  await running;
  const { ids, gaps } = await readLedger(storeUrl);
  expect(ids).toEqual([1, 4, 6]);
  expect(gaps.map((gap) => gap.reason)).toEqual(['slot-ahead', 'store-restored']);
  expectEnclosed(gaps[0]!, rows.slice(0, 4), ids);
  expectEnclosed(gaps[1]!, rows.slice(3), ids);
  await apart.drop();
  await dropDatabase(storeUrl);
  await admin.end();
});
