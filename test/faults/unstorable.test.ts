import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { colophon, type Running, startColophon } from '../cli/colophon.js';
import { listenFlag, metrics } from '../watch/pages.js';

let url: string;
let storeUrl: string;
let client: pg.Client;
let store: pg.Client;
let names: string[];
let counter = 0;

beforeEach(async () => {
  url = await createDatabase(inject('serverUrl'));
  storeUrl = await createDatabase(inject('serverUrl'), 'template0', 'LATIN1');
  client = new pg.Client({ connectionString: url });
  store = new pg.Client({ connectionString: storeUrl });
  await client.connect();
  await store.connect();
  await client.query('CREATE TABLE todo (id int PRIMARY KEY, title text, extra jsonb)');
  names = ['--source', url, '--store', storeUrl, '--slot', `unstorable_${counter++}_${process.pid}`];
  expect(await colophon(['init', ...names, '--tables', 'todo'])).toMatchObject({ code: 0 });
});
afterEach(async () => {
  await client.end();
  await store.end();
  await dropDatabase(url);
  await dropDatabase(storeUrl);
});

const keys = async (relation: string) =>
  (await store.query(`SELECT primary_key FROM colophon.${relation} ORDER BY seq`)).rows.map(
    (row) => row.primary_key,
  );

it('run --once stores the rest, keeps and names what the store cannot hold, and succeeds', async () => {
  await client.query(`INSERT INTO todo VALUES (1, 'one')`);
  // In a large transaction, of which other batches are sent before.
  await client.query(
    `INSERT INTO todo SELECT i, CASE i WHEN 15000 THEN '漢' ELSE 'ä' END FROM generate_series(2, 30000) i`,
  );
  await client.query(
    `SELECT pg_logical_emit_message(true, 'colophon', '{"user":"\\u6f22"}'); INSERT INTO todo VALUES (30001, 'named')`,
  );
  await client.query(`INSERT INTO todo VALUES (30002, 'last')`);
  const run = await colophon(['run', '--once', ...names]);
  expect(run).toMatchObject({ code: 0 });
  expect(run.stderr).toMatch(
    /Change 14998, of public\.todo, of transaction \d+ at .* \(SQLSTATE 22P05\): it is kept in colophon\.unstored \[RECORD_UNSTORED\]/,
  );
  expect(run.stderr).toMatch(
    /2 records could not be stored as they are: see colophon\.unstored \[RECORD_UNSTORED\]/,
  );
  expect(await keys('unstored')).toEqual(['15000', null]);
  const stored = await keys('changes');
  expect(stored.length).toBe(30_001);
  expect(stored.slice(14_998, 15_000)).toEqual(['14999', '15001']);
  expect(stored.slice(-2)).toEqual(['30001', '30002']);
  const { rows } = await store.query(`SELECT context FROM colophon.changes WHERE primary_key = '30001'`);
  expect(rows[0].context['colophon.error']).toContain('colophon.unstored');
  const status = JSON.parse((await colophon(['status', '--json', ...names])).stdout);
  expect(status.store).toMatchObject([{ changes: 30_001, unstored: 2 }]);
  expect((await colophon(['status', ...names])).stdout.replace(/\s+/g, ' ')).toContain(
    '2 could not be stored',
  );
  // Again: nothing comes twice.
  expect(await colophon(['run', '--once', ...names])).toMatchObject({ code: 0 });
  expect((await keys('changes')).length).toBe(30_001);
}, 120_000);

it('run goes on over them, however often they come', async () => {
  await store.query(`ALTER DATABASE ${new URL(storeUrl).pathname.slice(1)} SET max_stack_depth = '100kB'`);
  const { port, flag } = await listenFlag();
  const run: Running = startColophon(['run', ...names, ...flag]);
  await run.said('Reading');
  const deep = `${'['.repeat(3000)}${']'.repeat(3000)}`;
  for (let id = 1; id <= 30; id++) {
    await client.query('INSERT INTO todo VALUES ($1, $2, $3)', [id, 'row', id % 10 === 0 ? deep : '{}']);
  }
  while ((await keys('changes')).length < 27) {
    if (run.child.exitCode !== null) throw new Error((await run.finished).stderr);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const samples = await metrics(port);
  expect(samples.get('colophon_unstored_records_total')).toBe(3);
  expect(samples.get('colophon_errors_total{code="RECORD_UNSTORED"}')).toBe(3);
  run.child.kill('SIGTERM');
  const { code, stderr } = await run.finished;
  expect(code).toBe(0);
  expect(await keys('unstored')).toEqual(['10', '20', '30']);
  const { rows } = await store.query('SELECT sqlstate, data FROM colophon.unstored');
  expect(rows.map((row) => row.sqlstate)).toEqual(['54001', '54001', '54001']);
  expect(rows[0].data.toString()).toContain(deep);
  expect(stderr.match(/\[RECORD_UNSTORED\]/g)).toHaveLength(4);
});
