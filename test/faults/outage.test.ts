import { createDatabase, dropDatabase, startProxy, type TcpProxy } from '@colophon/testkit';
import pg from 'pg';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { type ColophonProcess, startColophon } from '../colophon-command.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';
import { said as hasSaid } from './fault.js';
import { sleep } from './victim.js';

/** How long the store is away: an hour on demand. */
const OUTAGE_MS = Number(process.env.OUTAGE_MS ?? 15_000);

let database: TrackedDatabase;
let storeUrl: string;
let proxy: TcpProxy;
let consumer: ColophonProcess;

beforeEach(async () => {
  storeUrl = await createDatabase(inject('serverUrl'));
  const { hostname, port } = new URL(storeUrl);
  proxy = await startProxy({ host: hostname, port: Number(port) });
  database = await trackDatabase(inject('serverUrl'), 'CREATE TABLE todo (id int PRIMARY KEY, title text)', {
    tables: 'todo',
    storeUrl,
  });
  consumer = startColophon([
    'run',
    '--source',
    database.url,
    '--store',
    proxy.url(storeUrl),
    '--slot',
    database.slot,
  ]);
  await hasSaid(consumer, 'Reading');
});
afterEach(async () => {
  consumer.child.kill('SIGTERM');
  await consumer.ended;
  await proxy.close();
  await database.drop();
  await dropDatabase(storeUrl);
});

async function stored(count: number): Promise<void> {
  const store = new pg.Client({ connectionString: storeUrl });
  await store.connect();
  for (;;) {
    const { rows } = await store.query('SELECT count(*)::int AS n FROM colophon.changes');
    if (rows[0].n === count) break;
    if (consumer.hasEnded()) throw new Error(consumer.stderr());
    await sleep(20);
  }
  await store.end();
}

it('a store that is away is tried without haste, said once, and used as soon as it is back', {
  timeout: 120_000 + OUTAGE_MS * 2,
}, async () => {
  await database.client.query(`INSERT INTO todo VALUES (1, 'before')`);
  await stored(1);
  const lines = consumer.stderr().split('\n').length;
  const connections = proxy.connections();
  proxy.refuse(true);
  proxy.cut();
  const startedAt = performance.now();
  for (let id = 2; performance.now() - startedAt < OUTAGE_MS; id++) {
    await database.client.query('INSERT INTO todo VALUES ($1, repeat($2, 100))', [id, 'x']);
    await sleep(50);
  }
  const { rows } = await database.client.query('SELECT count(*)::int AS n FROM todo');
  // Waits double up to five seconds, less up to half by chance.
  expect(proxy.connections() - connections).toBeLessThan(8 + OUTAGE_MS / 2_500);
  const said = consumer
    .stderr()
    .split('\n')
    .slice(lines - 1)
    .filter((line) => line !== '');
  expect(said.length).toBeLessThanOrEqual(3 * (1 + Math.ceil(OUTAGE_MS / 300_000)));
  expect(said.join('\n')).toMatch(/store.*trying again/);
  proxy.refuse(false);
  const backAt = performance.now();
  await stored(rows[0].n);
  // A minute of it is made good in a second.
  expect(performance.now() - backAt).toBeLessThan(10_000 + OUTAGE_MS / 60);
});

it('a store that opens and then refuses each flush is no flood of lines', { timeout: 120_000 }, async () => {
  await database.client.query(`INSERT INTO todo VALUES (1, 'before')`);
  await stored(1);
  const store = new pg.Client({ connectionString: storeUrl });
  store.on('error', () => undefined);
  await store.connect();
  await store.query(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON colophon.change_records FOR EACH ROW EXECUTE FUNCTION refuse()`);
  const lines = consumer.stderr().split('\n').length;
  const connections = proxy.connections();
  await database.client.query(`INSERT INTO todo VALUES (2, 'refused')`);
  while (proxy.connections() - connections < 6) await sleep(50);
  const said = consumer
    .stderr()
    .split('\n')
    .slice(lines - 1)
    .filter((line) => line !== '');
  expect(said).toEqual([
    expect.stringMatching(/no room; make room on the store's disk: trying again\.$/),
    expect.stringMatching(/^Reading /),
  ]);
  await store.query('DROP TRIGGER refuse ON colophon.change_records');
  await stored(2);
  await store.end();
});
