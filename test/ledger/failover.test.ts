import { migrateStore } from '@colophon/store';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import type { Major } from '../embedded-postgres.js';
import { launchPrimaryAndStandby, type PrimaryAndStandby, type StandbyOptions } from '../hot-standby.js';
import { expectEnclosed, insertNoted, type NotedRow, readLedger, storeOnce, TODO } from './noted-rows.js';

const SLOT = 'colophon';
const SCHEMA = `${TODO}; ALTER TABLE todo REPLICA IDENTITY FULL; CREATE PUBLICATION colophon FOR TABLE todo`;

let servers: PrimaryAndStandby;
let storeUrl: string;
let clients: pg.Client[] = [];
beforeEach(async () => {
  storeUrl = await createDatabase(inject('serverUrl'));
  await migrateStore(storeUrl);
});
afterEach(async () => {
  for (const client of clients) await client.end();
  clients = [];
  await servers.stop();
  await dropDatabase(storeUrl);
});

async function launch(schema: string, options?: StandbyOptions): Promise<pg.Client> {
  servers = await launchPrimaryAndStandby(schema, options);
  return connect(servers.primary.url());
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  clients.push(client);
  return client;
}

const onPrimary = () => ({ url: servers.primary.url(), storeUrl, slot: SLOT });
const onStandby = () => ({ url: servers.standby.url(), storeUrl, slot: SLOT });

/** The standby has replayed everything that the primary has written. */
async function caughtUp(primary: pg.Client, standby: pg.Client): Promise<void> {
  const { rows } = await primary.query('SELECT pg_current_wal_lsn()::text AS lsn');
  await vi.waitFor(
    async () => {
      const seen = await standby.query('SELECT pg_last_wal_replay_lsn() >= $1 AS done', [rows[0].lsn]);
      expect(seen.rows[0].done).toBe(true);
    },
    { timeout: 30_000 },
  );
}

const numbers = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at);
const sorted = (ids: number[]) => ids.toSorted((a, b) => a - b);

describe('a slot that was synced to the standby (17 and later)', () => {
  const major = Math.max(17, Number(process.env.PG_MAJOR ?? 18)) as Major;
  const launchSynced = () =>
    launch(`${SCHEMA}; SELECT pg_create_physical_replication_slot('standby')`, {
      major,
      settings: { primary_slot_name: 'standby', hot_standby_feedback: 'on' },
    });

  /** Once the standby has the slot as it is on the primary now, for good. */
  async function syncSlot(primary: pg.Client, standby: pg.Client): Promise<void> {
    await vi.waitFor(
      async () => {
        await primary.query('SELECT pg_log_standby_snapshot()');
        await caughtUp(primary, standby);
        await standby.query('SELECT pg_sync_replication_slots()');
        const { rows } = await standby.query(
          'SELECT temporary, synced FROM pg_replication_slots WHERE slot_name = $1',
          [SLOT],
        );
        expect(rows).toEqual([{ temporary: false, synced: true }]);
      },
      { timeout: 60_000, interval: 200 },
    );
  }

  it('loses and doubles nothing over a promotion, and there is no gap', async () => {
    const primary = await launchSynced();
    await primary.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput', false, false, true)", [
      SLOT,
    ]);
    const standby = await connect(servers.standby.url());
    await syncSlot(primary, standby);
    await insertNoted(primary, ...numbers(1, 5));
    expect(await storeOnce(onPrimary())).toEqual([]);
    // The slot on the standby stays behind what is stored; rows 6 to 8 are on both servers, and not stored.
    await insertNoted(primary, 6, 7, 8);
    await caughtUp(primary, standby);
    await servers.primary.halt('immediate');
    await standby.query('SELECT pg_promote(true, 60)');
    await insertNoted(standby, ...numbers(9, 12));
    expect(await storeOnce(onStandby())).toEqual([]);
    await insertNoted(standby, 13);
    expect(await storeOnce(onStandby())).toEqual([]);
    expect(await readLedger(storeUrl)).toEqual({ ids: numbers(1, 13), gaps: [] });
  });

  it('stores what the new primary commits below the stored position, and says what never was on it', async () => {
    const primary = await launchSynced();
    await primary.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput', false, false, true)", [
      SLOT,
    ]);
    const before = await connect(servers.standby.url());
    await syncSlot(primary, before);
    await insertNoted(primary, ...numbers(1, 5));
    await caughtUp(primary, before);
    expect(await storeOnce(onPrimary())).toEqual([]);
    // The standby misses what comes now, and it is stored.
    await servers.standby.halt('fast');
    const missed = await insertNoted(primary, ...numbers(101, 400));
    expect(await storeOnce(onPrimary())).toEqual([]);
    const { rows: ends } = await primary.query("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn AS lsn");
    await servers.primary.halt('immediate');
    await servers.standby.restart();
    const standby = await connect(servers.standby.url());
    await standby.query('SELECT pg_promote(true, 60)');
    const written = await insertNoted(standby, ...numbers(501, 800));
    const below = written.filter(({ after }) => after <= BigInt(ends[0].lsn)).length;
    console.info(`${below} of 300 commits after the promotion lay below the stored position`);
    expect(below).toBeGreaterThan(100);
    expect(await storeOnce(onStandby())).toMatchObject([{ reason: 'diverged' }]);
    await insertNoted(standby, 801);
    expect(await storeOnce(onStandby())).toEqual([]);
    const { ids, gaps } = await readLedger(storeUrl);
    expect(sorted(ids)).toEqual([...numbers(1, 5), ...numbers(101, 400), ...numbers(501, 801)]);
    expect(gaps).toHaveLength(1);
    expect(gaps[0]).toMatchObject({ reason: 'diverged', fromTimeline: 1, toTimeline: 1 });
    // Exactly what was stored and never was on the new primary.
    expectEnclosed(gaps[0]!, missed, []);
  });
});

it('records what a slot that was made after the promotion cannot deliver', async () => {
  const primary = await launch(SCHEMA);
  await primary.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [SLOT]);
  const standby = await connect(servers.standby.url());
  const rows: NotedRow[] = await insertNoted(primary, 1, 2);
  expect(await storeOnce(onPrimary())).toEqual([]);
  rows.push(...(await insertNoted(primary, 3, 4)));
  await caughtUp(primary, standby);
  await servers.primary.halt('immediate');
  await standby.query('SELECT pg_promote(true, 60)');
  rows.push(...(await insertNoted(standby, 5, 6)));
  await standby.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [SLOT]);
  rows.push(...(await insertNoted(standby, 7, 8)));
  expect(await storeOnce(onStandby())).toMatchObject([{ reason: 'slot-ahead' }]);
  rows.push(...(await insertNoted(standby, 9)));
  expect(await storeOnce(onStandby())).toEqual([]);
  const { ids, gaps } = await readLedger(storeUrl);
  expect(ids).toEqual([1, 2, 7, 8, 9]);
  expect(gaps).toMatchObject([{ reason: 'slot-ahead', fromTimeline: 2, toTimeline: 2 }]);
  expectEnclosed(gaps[0]!, rows, ids);
});
