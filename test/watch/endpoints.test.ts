import { createDatabase, dropDatabase, startProxy, type TcpProxy } from '@colophon/testkit';
import { afterAll, afterEach, beforeAll, expect, inject, it } from 'vitest';
import { sql } from '../cli/catalog-snapshot.js';
import { colophon, startColophon } from '../cli/colophon.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';
import { listenFlag, metrics, page, until } from './pages.js';

let source: TrackedDatabase;
let storeDatabase: string;
let proxy: TcpProxy;
let args: string[];

beforeAll(async () => {
  const server = new URL(inject('serverUrl'));
  proxy = await startProxy({ host: server.hostname, port: Number(server.port) });
  storeDatabase = await createDatabase(server.href);
  source = await trackDatabase(
    server.href,
    'CREATE TABLE todo (id int PRIMARY KEY, title text); CREATE TABLE "odd ""name"" \\" (id int PRIMARY KEY)',
    { tables: 'todo,"odd ""name"" \\"', storeUrl: storeDatabase },
  );
  args = ['run', '--source', source.url, '--store', proxy.url(storeDatabase), '--slot', source.slot];
});
afterEach(() => proxy.refuse(false));
afterAll(async () => {
  await source.drop();
  await dropDatabase(storeDatabase);
  await proxy.close();
});

it('serves what is measured, by names that Prometheus reads', async () => {
  const { port, flag } = await listenFlag();
  const run = startColophon([...args, ...flag, '--environment', 'test']);
  await run.said('Reading');
  await sql(
    source.url,
    `BEGIN; SELECT pg_logical_emit_message(true, 'colophon', '{"user": 1}'); INSERT INTO todo VALUES (1, 'a'), (2, 'b');
     SELECT pg_logical_emit_message(true, 'colophon', '{}'); INSERT INTO "odd ""name"" \\" VALUES (1); COMMIT`,
    `INSERT INTO todo VALUES (3, 'nobody')`,
    `BEGIN; SELECT pg_logical_emit_message(true, 'colophon', 'no JSON'); DELETE FROM todo WHERE id = 3; COMMIT`,
  );
  const found = await until(
    () => metrics(port),
    (samples) => samples.get('colophon_changes_total') === 5,
  );
  expect(
    Object.fromEntries([...found].filter(([name]) => name.startsWith('colophon_table_changes'))),
  ).toEqual({
    'colophon_table_changes_total{schema="public",table="todo",context="named"}': 2,
    'colophon_table_changes_total{schema="public",table="todo",context="unnamed"}': 1,
    'colophon_table_changes_total{schema="public",table="todo",context="error"}': 1,
    'colophon_table_changes_total{schema="public",table="odd \\"name\\" \\\\",context="unnamed"}': 1,
  });
  expect(found.get('colophon_transactions_total')).toBe(3);
  expect(found.get('colophon_state{state="streaming"}')).toBe(1);
  expect(
    [...found].filter(([name]) => name.startsWith('colophon_state')).map(([, value]) => value),
  ).toHaveLength(8);
  expect([...found].find(([name]) => name.startsWith('colophon_info'))?.[0]).toMatch(
    /^colophon_info\{version="\d+\.\d+\.\d+",slot="colophon_.+",publication="colophon",environment="test"\}$/,
  );
  expect(found.get('colophon_stored_bytes_total')).toBeGreaterThan(0);
  expect(found.get('colophon_batch_changes_sum')).toBe(5);
  expect(found.get('colophon_flush_seconds_count')).toBe(found.get('colophon_batch_changes_count'));
  expect(found.get('colophon_flush_seconds_sum')).toBeGreaterThan(0);
  expect(found.get('colophon_commit_delay_seconds_count')).toBeGreaterThan(0);
  expect(found.get('colophon_retained_wal_bytes')).toBeGreaterThan(0);
  expect(found.get('colophon_last_stored_timestamp_seconds')).toBeGreaterThan(Date.now() / 1_000 - 60);
  expect(found.get('colophon_errors_total{code="CONNECTION_LOST"}')).toBe(0);
  for (const name of ['slot_active', 'source_up', 'store_up']) expect(found.get(`colophon_${name}`)).toBe(1);
  // Everything is stored: nothing lags, once the source has been told.
  const settled = await until(
    () => metrics(port),
    (samples) => samples.get('colophon_lag_bytes') === 0,
  );
  expect(settled.get('colophon_lag_seconds')).toBe(0);
  expect(settled.has('colophon_safe_wal_bytes')).toBe(false);

  const exposition = await page(port, '/metrics');
  expect(exposition.type).toMatch(/^text\/plain; version=0\.0\.4/);
  for (const [, name, type] of exposition.text.matchAll(/^# TYPE (colophon_\S+) (\S+)$/gm)) {
    expect(name!.endsWith('_total')).toBe(type === 'counter');
    expect(exposition.text).toContain(`# HELP ${name} `);
  }
  run.child.kill('SIGTERM');
  expect(await run.finished).toMatchObject({ code: 0 });
  await expect(page(port, '/healthz')).rejects.toThrow();
});

it('answers to GET and HEAD on three pages, and to nothing else', async () => {
  const { port, flag } = await listenFlag();
  const run = startColophon([...args, ...flag]);
  await run.said('Reading');
  expect(await page(port, '/healthz')).toMatchObject({
    status: 200,
    body: { ok: true, state: 'streaming', slot: source.slot },
  });
  expect(await page(port, '/readyz?probe=1')).toMatchObject({
    status: 200,
    body: { ok: true, state: 'streaming' },
  });
  expect(await page(port, '/readyz', 'HEAD')).toMatchObject({ status: 200, text: '' });
  expect((await page(port, '/readyz', 'POST')).status).toBe(405);
  for (const path of ['/', '/__proto__', '/metrics/', '/healthz/../metrics2']) {
    expect((await page(port, path)).status, path).toBe(404);
  }
  run.child.kill('SIGTERM');
  expect(await run.finished).toMatchObject({ code: 0 });
});

it('a second run on the port ends in one line, before anything is begun', async () => {
  const { port, flag } = await listenFlag();
  const first = startColophon([...args, ...flag]);
  await first.said('Reading');
  // Nothing there could be connected to: the port is all that it comes to.
  const second = await colophon(['run', '--source', 'postgres://127.0.0.1:1/none', ...flag]);
  expect(second.code).toBe(1);
  expect(second.stderr.trim().split('\n')).toHaveLength(1);
  expect(second.stderr).toContain('[LISTEN_FAILED]');
  expect(second.stderr).toContain(`127.0.0.1:${port}`);
  expect((await page(port, '/readyz')).status).toBe(200);
  for (const address of ['127.0.0.1', '70000', 'http://127.0.0.1:9187']) {
    const refused = await colophon(['run', '--source', source.url, '--listen', address]);
    expect(refused.stderr).toContain('[INVALID_OPTION]');
  }
  first.child.kill('SIGTERM');
  expect(await first.finished).toMatchObject({ code: 0 });
});

it('a spare that waits is ready, and says so; it takes over', async () => {
  const [one, two] = [await listenFlag(), await listenFlag()];
  const first = startColophon([...args, ...one.flag]);
  await first.said('Reading');
  const server = new URL(inject('serverUrl'));
  const itsWay = await startProxy({ host: server.hostname, port: Number(server.port) });
  const second = startColophon([...args, ...two.flag, '--store', itsWay.url(storeDatabase)]);
  await second.said('waiting for it');
  expect(await page(two.port, '/readyz')).toMatchObject({
    status: 200,
    body: { ok: true, state: 'waiting' },
  });
  const waiting = await metrics(two.port);
  expect(waiting.get('colophon_state{state="waiting"}')).toBe(1);
  expect(waiting.get('colophon_slot_active')).toBe(1);
  expect(waiting.has('colophon_retained_wal_bytes')).toBe(true);
  // Where its store is gone it wouldn't do.
  itsWay.refuse(true);
  itsWay.cut();
  expect(
    await until(
      () => page(two.port, '/readyz'),
      ({ status }) => status === 503,
    ),
  ).toMatchObject({ body: { ok: false, state: 'waiting', code: 'CONNECTION_FAILED' } });
  expect((await page(two.port, '/healthz')).status).toBe(200);
  itsWay.refuse(false);
  first.child.kill('SIGTERM');
  expect(await first.finished).toMatchObject({ code: 0 });
  await second.said('Reading');
  await until(
    () => page(two.port, '/readyz'),
    ({ status, body }) => status === 200 && body.state === 'streaming',
  );
  second.child.kill('SIGTERM');
  expect(await second.finished).toMatchObject({ code: 0 });
  await itsWay.close();
});

it('is alive but not ready while the store is down, and names the reason; lag grows and comes down again', async () => {
  const { port, flag } = await listenFlag();
  const run = startColophon([...args, ...flag]);
  await run.said('Reading');
  const before = await metrics(port);
  proxy.refuse(true);
  proxy.cut();
  await sql(source.url, `INSERT INTO todo VALUES (10, 'while it is down')`);
  const down = await until(
    () => page(port, '/readyz'),
    ({ status, body }) => status === 503 && body.state === 'retrying',
  );
  expect(down.body).toMatchObject({ ok: false, slot: source.slot });
  expect(down.body.code).toMatch(/^CONNECTION_/);
  expect(String(down.body.reason)).toMatch(/store/i);
  expect((await page(port, '/healthz')).status).toBe(200);
  const lagging = await until(
    () => metrics(port),
    (samples) => (samples.get('colophon_lag_seconds') ?? 0) > 1 && samples.get('colophon_store_up') === 0,
  );
  expect(lagging.get('colophon_lag_bytes')).toBeGreaterThan(0);
  expect(lagging.get('colophon_source_up')).toBe(1);
  const errors = (samples: Map<string, number>) =>
    [...samples].reduce(
      (sum, [name, value]) => (name.startsWith('colophon_errors_total') ? sum + value : sum),
      0,
    );
  expect(errors(lagging)).toBeGreaterThan(errors(before));
  proxy.refuse(false);
  const again = await until(
    () => metrics(port),
    (samples) => samples.get('colophon_lag_bytes') === 0 && samples.get('colophon_changes_total') === 1,
  );
  expect(again.get('colophon_lag_seconds')).toBe(0);
  expect(again.get('colophon_reconnects_total')).toBeGreaterThan(0);
  expect((await page(port, '/readyz')).status).toBe(200);
  run.child.kill('SIGTERM');
  expect(await run.finished).toMatchObject({ code: 0 });
});

it('counts a gap by its reason, and logs it as a warning', async () => {
  // With the consumer away somebody passes a change over.
  await sql(
    source.url,
    `INSERT INTO todo VALUES (20, 'passed over')`,
    `SELECT pg_replication_slot_advance('${source.slot}', pg_current_wal_insert_lsn())`,
  );
  const { port, flag } = await listenFlag();
  const run = startColophon([...args, ...flag, '--log', 'json']);
  await run.said('slot-ahead');
  const samples = await until(
    () => metrics(port),
    (found) => found.get('colophon_gaps_total{reason="slot-ahead"}') === 1,
  );
  expect(samples.get('colophon_gaps_total{reason="diverged"}')).toBe(0);
  expect(samples.get('colophon_unstored_records_total')).toBe(0);
  run.child.kill('SIGTERM');
  const { code, stderr } = await run.finished;
  expect(code).toBe(0);
  const lines = stderr.split('\n').filter((line) => line.includes('slot-ahead'));
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'warn', reason: 'slot-ahead', slot: source.slot });
});

it('without --listen nothing listens, and a variable asks for it as well', async () => {
  const { port } = await listenFlag();
  const run = startColophon(args, { env: { COLOPHON_LISTEN: String(port) } });
  await run.said(`http://127.0.0.1:${port}`);
  await run.said('Reading');
  expect((await page(port, '/readyz')).status).toBe(200);
  run.child.kill('SIGTERM');
  expect(await run.finished).toMatchObject({ code: 0 });
  const silent = startColophon(args);
  await silent.said('Reading');
  await expect(page(port, '/readyz')).rejects.toThrow();
  silent.child.kill('SIGTERM');
  expect((await silent.finished).stderr).not.toContain('http://');
});
