import { createDatabase, dropDatabase, launchPostgres, type PostgresServer } from '@colophon/testkit';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { sql } from '../cli/catalog-snapshot.js';
import { colophon, startColophon } from '../cli/colophon.js';
import { nativeDir } from '../embedded-postgres.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';
import { until } from './pages.js';

let server: PostgresServer;
let source: TrackedDatabase;
let storeUrl: string;

beforeAll(async () => {
  server = await launchPostgres({ native: nativeDir(18), settings: { max_slot_wal_keep_size: '100MB' } });
  storeUrl = await createDatabase(inject('serverUrl'));
  source = await trackDatabase(server.url(), 'CREATE TABLE todo (id int PRIMARY KEY, filler text)', {
    tables: 'todo',
    storeUrl,
  });
});
afterAll(async () => {
  await server.stop();
  await dropDatabase(storeUrl);
});

const status = (columns: number, env: Record<string, string> = {}) =>
  colophon(['status', ...source.args], { env: { COLUMNS: String(columns), TZ: 'UTC', ...env } });

it('says who reads, how far behind it is, how fast it stores, and what the store holds', async () => {
  const run = startColophon(['run', ...source.args, '--environment', 'test']);
  await run.said('Reading');
  await source.client.query(`INSERT INTO todo SELECT g, 'x' FROM generate_series(1, 1200) g`);
  await until(
    () => sql(storeUrl, 'SELECT 1 FROM colophon.changes'),
    (rows) => rows.length === 1200,
  );
  const { stdout, code } = await status(120);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Source +\S+ on PostgreSQL 18/m);
  expect(stdout).toMatch(/^Consumer +running, as backend process \d+ on slot /m);
  expect(stdout).toMatch(/^Behind +(nothing: all is acknowledged|\d+ B of WAL)$/m);
  expect(stdout).toMatch(
    /^WAL kept +[█░]{10} .+ of 100 MiB, beyond which the slot is lost; safe for .+ more$/m,
  );
  expect(stdout).toMatch(
    /^Stored .+ \(test\): 1,200 changes, the last committed \d+ s ago, stored \d+ s ago$/m,
  );
  expect(stdout).toMatch(/^Store +.+ with indexes, \d+ months, \d{4}-\d\d to \d{4}-\d\d$/m);
  expect(stdout).not.toContain('→');
  // While it stores, the speed is seen.
  let isWriting = true;
  const writing = (async () => {
    for (let id = 10_000; isWriting; id++) await source.client.query('INSERT INTO todo VALUES ($1)', [id]);
  })();
  const busy = await status(120);
  isWriting = false;
  await writing;
  expect(busy.stdout).toMatch(/now [1-9][\d,]*\/s$/m);
  const json = JSON.parse((await colophon(['status', '--json', ...source.args])).stdout);
  expect(json).toMatchObject({
    source: { slot_active: true, wal_status: 'reserved' },
    slot: {
      active_pid: expect.any(Number),
      max_retained_bytes: 100 * 2 ** 20,
      safe_wal_bytes: expect.any(Number),
    },
    store: [{ environment: 'test' }],
    store_size_bytes: expect.any(Number),
    store_partitions: expect.arrayContaining([expect.stringMatching(/^\d{4}_\d\d$/)]),
    problems: [],
  });
  run.child.kill('SIGTERM');
  expect(await run.finished).toMatchObject({ code: 0 });
});

it('shows a stopped consumer, WAL that piles up, and what to do; within the terminal, colours only where wanted', async () => {
  await source.client.query(
    `INSERT INTO todo SELECT 100000 + g, repeat('z', 500) FROM generate_series(1, 80000) g`,
  );
  for (const columns of [80, 120]) {
    const { stdout } = await status(columns);
    const lines = stdout.split('\n');
    expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(columns);
    expect(stdout).toMatch(/^Consumer +not running: nobody reads slot /m);
    expect(stdout).toMatch(/^WAL kept +█{5,9}░+ \d\d MiB of 100 MiB/m);
    expect(stdout).toContain('→ colophon run');
    expect(stdout).not.toContain('\x1b');
  }
  const coloured = (await status(80, { FORCE_COLOR: '1' })).stdout;
  expect(coloured).toContain('\x1b[33m');
  const json = JSON.parse((await colophon(['status', '--json', ...source.args])).stdout);
  expect(json.problems).toMatchObject([
    { name: 'slot', verdict: 'warn', remedy: expect.stringContaining('colophon run') },
  ]);
});
