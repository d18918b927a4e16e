import { createConsumer } from '@colophon/core';
import { PostgresStore } from '@colophon/store';
import {
  createDatabase,
  dropDatabase,
  launchPostgres,
  type PostgresServer,
  seededRandom,
  seedFromEnvironment,
  startProxy,
} from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { startColophon } from '../colophon-command.js';
import { type Major, nativeDir } from '../embedded-postgres.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';
import { readLedger, storeOnce, TODO } from './noted-rows.js';

let server: PostgresServer;
beforeAll(async () => {
  server = await launchPostgres({ native: nativeDir(Number(process.env.PG_MAJOR ?? 18) as Major) });
});
afterAll(() => server.stop());

const NOISE = 'CREATE TABLE noise (id int)';
const numbers = (count: number) => Array.from({ length: count }, (_, at) => at + 1);

/** Rows of the audited table, and log that holds nothing for it. */
class Writer {
  rows = 0;
  constructor(readonly source: TrackedDatabase) {}

  async write(count: number, noise = 0): Promise<void> {
    for (let at = 0; at < count; at++) {
      await this.source.client.query("INSERT INTO todo VALUES ($1, 'x')", [this.rows + 1]);
      this.rows++;
    }
    if (noise > 0) {
      await this.source.client.query('INSERT INTO noise SELECT generate_series(1, $1)', [noise]);
    }
  }
}

/** Everything is stored, in order, once, and no gap was ever recorded. */
async function expectWhole(writer: Writer): Promise<void> {
  expect(await storeOnce(writer.source)).toEqual([]);
  expect(await readLedger(writer.source.storeUrl)).toEqual({ ids: numbers(writer.rows), gaps: [] });
}

describe.each(['in the source’s own database', 'on another server'])('no gap with a store %s', (place) => {
  let source: TrackedDatabase;
  let ownStore: string | undefined;
  beforeAll(async () => {
    if (place === 'on another server') ownStore = await createDatabase(inject('serverUrl'));
    source = await trackDatabase(server.url(), `${TODO}; ${NOISE}`, {
      tables: 'todo',
      ...(ownStore === undefined ? {} : { storeUrl: ownStore }),
    });
  });
  afterAll(async () => {
    await source.drop();
    if (ownStore !== undefined) await dropDatabase(ownStore);
  });

  it('through kills at random moments, connections cut again and again, and restarts of the source', {
    timeout: 240_000,
  }, async () => {
    const seed = seedFromEnvironment();
    console.info(`SEED=${seed}`);
    const random = seededRandom(seed);
    const writer = new Writer(source);
    const isRead = async () =>
      (
        await source.client.query('SELECT active FROM pg_replication_slots WHERE slot_name = $1', [
          source.slot,
        ])
      ).rows[0].active as boolean;
    for (let kill = 0; kill < 6; kill++) {
      const consumer = startColophon(['run', ...source.args]);
      // While it starts, or somewhere in the middle of its work.
      const waits = random.chance(0.75);
      do await writer.write(1, random.integer(0, 3_000));
      while (waits && !(await isRead()));
      await writer.write(random.integer(0, 40), random.integer(0, 15_000));
      consumer.child.kill('SIGKILL');
      await consumer.ended;
    }
    await expectWhole(writer);

    const { hostname, port } = new URL(source.url);
    const proxy = await startProxy({ host: hostname, port: Number(port) });
    const consumer = createConsumer({
      source: proxy.url(source.url),
      slot: source.slot,
      sink: new PostgresStore({ url: ownStore ?? proxy.url(source.url) }),
    });
    const gaps: unknown[] = [];
    consumer.on('gap', (gap) => gaps.push(gap));
    const running = consumer.run();
    for (let cut = 0; cut < 12; cut++) {
      await writer.write(random.integer(0, 5), random.integer(0, 20_000));
      if (random.chance(0.5)) await consumer.drain(60_000);
      proxy.cut();
    }
    for (const mode of ['fast', 'immediate', 'fast', 'immediate'] as const) {
      await consumer.drain(60_000);
      // Less than what is accounted for by itself: a server that shuts down waits for it.
      await writer.write(random.integer(0, 3), 500);
      await server.halt(mode);
      await server.restart();
      await source.reconnect();
    }
    await writer.write(1);
    await consumer.drain(60_000);
    await consumer.stop();
    await running;
    await proxy.close();
    expect(gaps).toEqual([]);
    expect(consumer.status().reconnects).toBeGreaterThan(4);
    await expectWhole(writer);
  });
});

describe('an idle source with its store in its own database', () => {
  it('is accounted for a few times, by the log that passed, and not because of what that wrote', async () => {
    const source = await trackDatabase(server.url(), `${TODO}; ${NOISE}`, { tables: 'todo' });
    const { client } = source;
    const elsewhere = await createDatabase(server.url());
    const other = new pg.Client({ connectionString: elsewhere });
    await other.connect();
    const version = async () =>
      Number((await client.query('SELECT coalesce(max(version), 0) AS n FROM colophon.positions')).rows[0].n);
    const position = async () =>
      Number((await client.query("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn AS lsn")).rows[0].lsn);
    const confirmed = async () =>
      Number(
        (
          await client.query(
            "SELECT confirmed_flush_lsn - '0/0'::pg_lsn AS lsn FROM pg_replication_slots WHERE slot_name = $1",
            [source.slot],
          )
        ).rows[0].lsn,
      );
    const sink = new PostgresStore({ url: source.storeUrl });
    const consumer = createConsumer({ source: source.url, slot: source.slot, sink });
    const running = consumer.run();
    await consumer.drain(60_000);
    const [from, atFirst] = [await position(), await version()];
    await other.query('CREATE TABLE busy AS SELECT g FROM generate_series(1, 200000) g');
    // Nobody drains: it is accounted for by itself, to within a mebibyte.
    const until = await position();
    while ((await confirmed()) < until - 1.1 * 2 ** 20) await client.query('SELECT pg_sleep(0.05)');
    const mebibytes = (until - from) / 2 ** 20;
    expect(mebibytes).toBeGreaterThan(5);
    const written = (await version()) - atFirst;
    expect(written).toBeGreaterThan(0);
    expect(written).toBeLessThanOrEqual(mebibytes + 1);
    // What accounting writes is log, too. If that were accounted for in turn there would be no end of it.
    const quiet = await version();
    for (let drain = 1; drain <= 5; drain++) {
      await consumer.drain(60_000);
      expect(await version()).toBe(quiet + drain);
    }
    await consumer.stop();
    await running;
    expect(await version()).toBeLessThanOrEqual(quiet + 6);
    expect(await readLedger(source.storeUrl)).toEqual({ ids: [], gaps: [] });
    await other.end();
    await dropDatabase(elsewhere);
    await source.drop();
  });
});
