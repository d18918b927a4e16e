import { openStore } from '@colophon/store';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { colophon } from '../cli/colophon.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';
import { addBemiRows, BEMI_CHANGES } from './bemi-changes.js';

const IDS = [1, 2, 3, 4, 5, 6].map((n) => `${n}0000000-0000-4000-8000-000000000000`);
let source: TrackedDatabase;
let bemiUrl: string;
let bemi: pg.Client;
let args: string[];

beforeAll(async () => {
  source = await trackDatabase(inject('serverUrl'), 'CREATE TABLE todo (id int PRIMARY KEY, title text)', {
    tables: 'todo',
  });
  bemiUrl = await createDatabase(inject('serverUrl'));
  bemi = new pg.Client({ connectionString: bemiUrl });
  await bemi.connect();
  await bemi.query(BEMI_CHANGES);
  const app = new URL(source.url).pathname.slice(1);
  args = ['import', 'bemi', '--from', bemiUrl, '--store', source.storeUrl, '--source', source.url];
  // Written in another order than committed; two of one second, which only the position tells apart.
  await addBemiRows(bemi, [
    {
      id: IDS[2]!,
      database: app,
      before: { id: 7, title: 'two' },
      after: { id: 7, title: 'three' },
      context: { userId: 3, SQL: 'UPDATE todo SET title = $1', none: null },
      committedAt: '2024-03-05T10:00:01Z',
      position: 3000,
    },
    {
      id: IDS[0]!,
      database: app,
      operation: 'CREATE',
      after: { id: 7, title: 'one', price: 0.1 },
      context: { userId: 1 },
      committedAt: '2023-11-20T10:00:00Z',
      position: 1000,
    },
    {
      id: IDS[1]!,
      database: app,
      before: { id: 7, title: 'one' },
      after: { id: 7, title: 'two' },
      committedAt: '2024-03-05T10:00:01Z',
      position: 2000,
      transaction: -5,
    },
    {
      id: IDS[3]!,
      database: app,
      operation: 'MESSAGE',
      key: null,
      committedAt: '2024-03-06T00:00:00Z',
      position: 4000,
    },
    {
      id: IDS[4]!,
      database: app,
      operation: 'DELETE',
      key: '8',
      before: { id: 8 },
      committedAt: '2024-05-01T00:00:00Z',
      position: 5000,
    },
    {
      id: IDS[5]!,
      database: app,
      operation: 'TRUNCATE',
      key: null,
      table: 'other',
      committedAt: '2024-05-02T00:00:00Z',
      position: 6000,
    },
  ]);
});
afterAll(async () => {
  await bemi.end();
  await dropDatabase(bemiUrl);
  await source.drop();
});

const imported = async (sql: string): Promise<unknown[][]> =>
  (await source.client.query({ text: sql, rowMode: 'array' })).rows;

it('shows the first changes as they would be, and stores nothing, with --dry-run', async () => {
  const { code, stdout, stderr } = await colophon([...args, '--dry-run']);
  expect(code, stderr).toBe(0);
  const changes = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(changes.map(({ id }) => id)).toEqual([0, 1, 2, 4, 5].map((n) => IDS[n]));
  expect(changes[0]).toMatchObject({
    operation: 'CREATE',
    key: { id: 7 },
    primary_key: '7',
    environment: 'imported',
  });
  expect(stderr).toContain('Nothing was stored');
  expect(await imported('SELECT count(*) FROM colophon.sources')).toEqual([['0']]);
});

it('imports every change once, in its order, with what Bemi knew and nothing made up', async () => {
  const first = await colophon(args);
  expect(first.code, first.stderr).toBe(0);
  expect(first.stderr).toContain('5 changes imported, 1 row that is no change of a row');
  const app = new URL(source.url).pathname.slice(1);
  const rows = await source.client.query('SELECT * FROM colophon.changes ORDER BY seq');
  expect(rows.rows.map(({ id }) => id)).toEqual([0, 1, 2, 4, 5].map((n) => IDS[n]));
  expect(rows.rows.every(({ seq }) => BigInt(seq) < 0n)).toBe(true);
  expect(rows.rows[0]).toMatchObject({
    source: app,
    environment: 'imported',
    database: app,
    schema: 'public',
    table: 'todo',
    partition: null,
    primary_key: '7',
    key: { id: 7 },
    operation: 'CREATE',
    before: {},
    after: { id: 7, title: 'one', price: 0.1 },
    unchanged: [],
    context: { userId: 1 },
    verified: null,
    committed_at: new Date('2023-11-20T10:00:00Z'),
    queued_at: new Date('2023-11-20T10:00:03Z'),
    created_at: new Date('2023-11-20T10:00:09Z'),
    transaction_id: '700',
    position: '1000',
    commit_lsn: '0/0',
    timeline: 0,
    sequence: 0,
  });
  // As its 32 bits were, however Bemi's column shows them; the context as it was.
  expect(rows.rows[1]).toMatchObject({ transaction_id: '4294967291' });
  expect(rows.rows[2]).toMatchObject({
    context: { userId: 3, SQL: 'UPDATE todo SET title = $1', none: null },
  });
  expect(rows.rows[4]).toMatchObject({
    operation: 'TRUNCATE',
    key: {},
    primary_key: null,
    before: {},
    after: {},
  });
});

it('adds nothing when it is made again, but for what came since, wherever it stands', async () => {
  const again = await colophon(args);
  expect(again.stderr).toContain('0 changes imported, 5 there already');
  await addBemiRows(bemi, [
    { committedAt: '2024-03-04T00:00:00Z', position: 1500, after: { id: 7, title: 'late' } },
  ]);
  expect((await colophon(args)).stderr).toContain('1 change imported, 5 there already');
  expect(
    await imported('SELECT count(*), count(DISTINCT id), count(DISTINCT seq) FROM colophon.changes'),
  ).toEqual([['6', '6', '6']]);
  // No segment without a change.
  expect(
    await imported(`SELECT count(*) FROM colophon.segments s WHERE NOT EXISTS
      (SELECT FROM colophon.change_records r WHERE r.segment_id = s.id)`),
  ).toEqual([['0']]);
});

it('puts each month into a partition of its own, and none into the default one', async () => {
  expect(
    await imported('SELECT DISTINCT tableoid::regclass::text FROM colophon.change_records ORDER BY 1'),
  ).toEqual([
    ['colophon.change_records_2023_11'],
    ['colophon.change_records_2024_03'],
    ['colophon.change_records_2024_05'],
  ]);
  expect(await imported('SELECT count(*) FROM colophon.segments_default')).toEqual([['0']]);
});

it('is read with live changes in one history, before them, and leaves run, its position and its ledger alone', async () => {
  await source.client.query("INSERT INTO todo VALUES (7, 'live')");
  await source.once();
  expect((await colophon(args)).stderr).toContain('0 changes imported');
  await source.client.query("UPDATE todo SET title = 'lively' WHERE id = 7");
  await source.once();
  const store = await openStore(source.storeUrl);
  try {
    const history = await store.history('todo', 7);
    expect(history.map(({ after, timeline }) => [after.title, timeline > 0])).toEqual([
      ['one', false],
      ['two', false],
      ['three', false],
      ['late', false],
      ['live', true],
      ['lively', true],
    ]);
    expect(await store.history('todo', { id: 7 }, { environment: 'imported' })).toHaveLength(4);
    expect(await store.gaps()).toEqual([]);
    expect((await store.status()).sources.map(({ environment }) => environment)).toEqual(['']);
  } finally {
    await store.close();
  }
  const log = await colophon([
    'log',
    ...source.args.slice(0, 4),
    '--table',
    'todo',
    '--key',
    '7',
    '--json',
    '--reverse',
  ]);
  expect(log.stdout.trim().split('\n')).toHaveLength(6);
});

it('goes on behind the last page after a row that it can’t read, and stores each once', async () => {
  await bemi.query(`INSERT INTO changes (created_at, primary_key, after, database, schema, "table", operation, committed_at,
    queued_at, transaction_id, position)
    SELECT '2025-01-03', n, jsonb_build_object('id', n), 'app', 'public', 'many', 'CREATE', '2025-01-01'::timestamptz + n * interval '1 s',
      now(), n, 10000 + n FROM generate_series(1, 900) n`);
  await bemi.query(`ALTER TABLE changes DROP CONSTRAINT changes_operation_check;
    UPDATE changes SET operation = 'MERGE' WHERE position = 10700`);
  const broken = await colophon(args);
  expect(broken.code).toBe(1);
  expect(broken.stderr).toMatch(
    /Row \S+ can't be imported: its operation is none .*\[IMPORT_ROW_UNREADABLE\]/,
  );
  const [[stored]] = (await imported(`SELECT count(*) FROM colophon.changes WHERE "table" = 'many'`)) as [
    [string],
  ];
  expect(Number(stored)).toBeGreaterThan(0);
  expect(Number(stored)).toBeLessThan(700);
  await bemi.query(`UPDATE changes SET operation = 'CREATE' WHERE position = 10700`);
  const mended = await colophon(args);
  expect(mended.code, mended.stderr).toBe(0);
  expect(mended.stderr).toContain('Going on where it was broken off');
  expect(mended.stderr).toContain(`${900 - Number(stored)} changes imported`);
  expect(
    await imported(`SELECT count(*), count(DISTINCT primary_key), bool_and(ordered) FROM (SELECT primary_key,
      primary_key::int > lag(primary_key::int, 1, 0) OVER (ORDER BY seq) AS ordered
      FROM colophon.changes WHERE "table" = 'many') m`),
  ).toEqual([['900', '900', true]]);
});

it('lets a second import of the same wait for none: one of the two goes on', async () => {
  await bemi.query(`INSERT INTO changes (created_at, primary_key, after, database, schema, "table", operation, committed_at,
    queued_at, transaction_id, position)
    SELECT '2025-01-03', n, jsonb_build_object('id', n), 'app', 'public', 'both', 'CREATE', '2025-02-01'::timestamptz + n * interval '1 s',
      now(), n, 20000 + n FROM generate_series(1, 3000) n`);
  const two = await Promise.all([colophon(args), colophon(args)]);
  expect(two.map(({ code }) => code)).toContain(0);
  for (const { code, stderr } of two) if (code !== 0) expect(stderr).toContain('[STORE_BUSY]');
  expect(
    await imported(`SELECT count(*), count(DISTINCT seq) FROM colophon.changes WHERE "table" = 'both'`),
  ).toEqual([['3000', '3000']]);
});

it('takes nothing of a table that is not there, for another name than a live source’s, or without the owner’s rights', async () => {
  const missing = await colophon([...args, '--table', 'nothing']);
  expect(missing.stderr).toContain('[TABLE_MISSING]');
  const app = new URL(source.url).pathname.slice(1);
  await addBemiRows(bemi, [{ database: app, committedAt: '2025-04-01T00:00:00Z', position: 90_000 }]);
  const taken = await colophon([...args, '--environment', '']);
  expect(taken.code).toBe(1);
  expect(taken.stderr).toMatch(/same name and environment.*\[INVALID_OPTION\]/);
  await source.client.query('CREATE ROLE plain_importer LOGIN');
  const url = new URL(source.url);
  url.username = 'plain_importer';
  const refused = await colophon(args.map((arg) => (arg === source.storeUrl ? url.href : arg)));
  expect(refused.stderr).toMatch(/rights of the store's owner.*\[PRIVILEGE_MISSING\]/);
  await source.client.query('DROP ROLE plain_importer');
});

it('lets retention take imported months, at once', async () => {
  const { code, stdout, stderr } = await colophon([
    'retention',
    ...source.args.slice(0, 4),
    '--keep',
    '400d',
    '--apply',
    '--yes',
  ]);
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('drop 2023-11: 1 change');
  expect(
    await imported("SELECT min(committed_at) > now() - interval '432 days' FROM colophon.changes"),
  ).toEqual([[true]]);
});
