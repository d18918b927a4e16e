import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { migrateStore } from '@colophon/store';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { colophon } from '../cli/colophon.js';
import { peakMemory, startColophon } from '../colophon-command.js';

let url: string;
let client: pg.Client;
let folder: string;

beforeAll(async () => {
  url = await createDatabase(inject('serverUrl'));
  client = new pg.Client({ connectionString: url });
  await client.connect();
  await migrateStore(url);
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-import-'));
  await client.query('CREATE SCHEMA audit; CREATE TABLE todo (id int PRIMARY KEY, title text)');
  await client.query('CREATE TABLE line (todo int, place int, text text, PRIMARY KEY (todo, place))');
});
afterAll(async () => {
  await client.end();
  fs.rmSync(folder, { recursive: true });
  await dropDatabase(url);
});

const mapFile = (mapping: object): string => {
  const file = path.join(folder, `${Math.random()}.json`);
  fs.writeFileSync(file, JSON.stringify(mapping));
  return file;
};
const importTable = (...flags: string[]) =>
  colophon(['import', 'table', '--from', url, '--store', url, ...flags], {
    cwd: folder,
    env: { PATH: process.env.PATH },
  });
const changes = async (environment: string) => {
  const { rows } = await client.query('SELECT * FROM colophon.changes WHERE environment = $1 ORDER BY seq', [
    environment,
  ]);
  return rows;
};

it("takes in what the audit trigger of PostgreSQL's wiki kept, hstore and all", async () => {
  await client.query(`CREATE EXTENSION hstore;
    CREATE TABLE audit.logged_actions (event_id bigserial PRIMARY KEY, schema_name text NOT NULL, table_name text NOT NULL,
      relid oid NOT NULL, session_user_name text, action_tstamp_tx timestamptz NOT NULL, action_tstamp_stm timestamptz NOT NULL,
      action_tstamp_clk timestamptz NOT NULL, transaction_id bigint, application_name text, client_addr inet, client_port int,
      client_query text, action text NOT NULL, row_data hstore, changed_fields hstore, statement_only boolean NOT NULL)`);
  const add = (action: string, row: string | null, changed: string | null, isStatement = false) =>
    client.query(
      `INSERT INTO audit.logged_actions (schema_name, table_name, relid, session_user_name, action_tstamp_tx, action_tstamp_stm,
        action_tstamp_clk, transaction_id, application_name, client_addr, client_query, action, row_data, changed_fields, statement_only)
       VALUES ('public', 'line', 1, 'app', '2024-01-02 03:04:05.678901+00', now(), '2024-01-02 03:04:06+00', 4294967297, '', '10.0.0.7',
        'SELECT 1', $1, $2, $3, $4)`,
      [action, row, changed, isStatement],
    );
  await add('I', 'todo=>1, place=>2, text=>"a \\" b"', null);
  await add('U', 'todo=>1, place=>2, text=>NULL', 'place=>3');
  await add('D', 'todo=>1, place=>3, text=>NULL', null);
  await add('T', null, null, true);
  await add('U', null, null, true);
  const { code, stderr } = await importTable('--preset', 'wiki', '--environment', 'wiki', '--source', url);
  expect(code, stderr).toBe(0);
  const rows = await changes('wiki');
  expect(
    rows.map(({ operation, before, after, primary_key }) => [operation, before, after, primary_key]),
  ).toEqual([
    ['CREATE', {}, { todo: '1', place: '2', text: 'a " b' }, '{"todo": "1", "place": "2"}'],
    [
      'UPDATE',
      { todo: '1', place: '2', text: null },
      { todo: '1', place: '3', text: null },
      '{"todo": "1", "place": "3"}',
    ],
    ['DELETE', { todo: '1', place: '3', text: null }, {}, '{"todo": "1", "place": "3"}'],
    ['TRUNCATE', {}, {}, null],
  ]);
  expect(rows[0]).toMatchObject({
    context: { user: 'app', application: '', address: '10.0.0.7', SQL: 'SELECT 1' },
    transaction_id: '1',
    position: '0',
    created_at: new Date('2024-01-02T03:04:06Z'),
  });
  const { rows: times } = await client.query(
    "SELECT DISTINCT committed_at::text FROM colophon.changes WHERE environment = 'wiki'",
  );
  expect(times).toEqual([{ committed_at: '2024-01-02 03:04:05.678901+00' }]);
  // The row is found by the key that it had before.
  const log = await colophon([
    'log',
    '--store',
    url,
    '--table',
    'line',
    '--key',
    '{"todo":"1","place":"2"}',
    '--json',
  ]);
  expect(
    log.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).operation),
  ).toEqual(['UPDATE', 'CREATE']);
});

it('takes in what supa_audit kept', async () => {
  await client.query(`CREATE TYPE audit.operation AS ENUM ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE');
    CREATE TABLE audit.record_version (id bigserial PRIMARY KEY, record_id uuid, old_record_id uuid, op audit.operation NOT NULL,
      ts timestamptz NOT NULL, table_oid oid NOT NULL, table_schema name NOT NULL, table_name name NOT NULL, record jsonb, old_record jsonb);
    INSERT INTO audit.record_version (op, ts, table_oid, table_schema, table_name, record, old_record) VALUES
      ('INSERT', '2024-02-01 00:00Z', 1, 'public', 'todo', '{"id": 7, "n": 12345678901234567890.10}', NULL),
      ('UPDATE', '2024-02-02 00:00Z', 1, 'public', 'todo', '{"id": 7, "n": 2}', '{"id": 7, "n": 1}'),
      ('DELETE', '2024-02-03 00:00Z', 1, 'public', 'todo', NULL, '{"id": 7, "n": 2}'),
      ('TRUNCATE', '2024-02-04 00:00Z', 1, 'public', 'todo', NULL, NULL)`);
  const { code, stderr } = await importTable(
    '--preset',
    'supa-audit',
    '--environment',
    'supa',
    '--until',
    '2024-02-04T00:00Z',
  );
  expect(code, stderr).toBe(0);
  const rows = await changes('supa');
  expect(
    rows.map(({ operation, primary_key, key, context }) => [operation, primary_key, key, context]),
  ).toEqual([
    ['CREATE', '7', { id: 7 }, {}],
    ['UPDATE', '7', { id: 7 }, {}],
    ['DELETE', '7', { id: 7 }, {}],
  ]);
  const { rows: exact } = await client.query(
    "SELECT after ->> 'n' AS n FROM colophon.changes WHERE environment = 'supa' ORDER BY seq LIMIT 1",
  );
  expect(exact).toEqual([{ n: '12345678901234567890.10' }]);
});

it('takes in what PaperTrail kept as JSON, its times in UTC, its models under their tables’ names', async () => {
  await client.query(`CREATE TABLE versions (id bigserial PRIMARY KEY, item_type varchar NOT NULL, item_id bigint NOT NULL,
      event varchar NOT NULL, whodunnit varchar, object jsonb, object_changes json, created_at timestamp(6));
    INSERT INTO versions (item_type, item_id, event, whodunnit, object, object_changes, created_at) VALUES
      ('Todo', 7, 'create', '42', NULL, '{"id": [null, 7], "title": [null, "a"]}', '2024-03-01 10:00:00.5'),
      ('Todo', 7, 'update', NULL, '{"id": 7, "title": "a", "done": false}', '{"title": ["a", "b"]}', '2024-03-01 11:00:00'),
      ('Todo', 7, 'destroy', '42', '{"id": 7, "title": "b", "done": false}', NULL, '2024-03-01 12:00:00'),
      ('Todo', 8, 'create', '42', NULL, NULL, '2024-03-01 12:00:00')`);
  const map = mapFile({ tables: { Todo: 'todo' } });
  const { code, stderr } = await importTable(
    '--preset',
    'paper-trail',
    '--map',
    map,
    '--environment',
    'paper',
  );
  expect(code, stderr).toBe(0);
  const rows = await changes('paper');
  expect(
    rows.map(({ table, operation, before, after, context, key }) => [
      table,
      operation,
      before,
      after,
      context,
      key,
    ]),
  ).toEqual([
    ['todo', 'CREATE', {}, { id: 7, title: 'a' }, { user: '42' }, { id: 7 }],
    ['todo', 'UPDATE', { id: 7, title: 'a', done: false }, { id: 7, title: 'b', done: false }, {}, { id: 7 }],
    ['todo', 'DELETE', { id: 7, title: 'b', done: false }, {}, { user: '42' }, { id: 7 }],
    ['todo', 'CREATE', {}, {}, { user: '42' }, { id: 8 }],
  ]);
  expect(rows[0]).toMatchObject({ committed_at: new Date('2024-03-01T10:00:00.500Z'), transaction_id: '0' });
});

const LOG = {
  id: 'id',
  table: { value: 'todo' },
  operation: 'what',
  operations: { neu: 'CREATE', weg: 'DELETE', login: null },
  after: 'data',
  committedAt: 'at',
  timeZone: 'Europe/Berlin',
  context: { user: 'who', from: { value: 'old log' } },
};

it('takes in a table of one’s own by a mapping: JSON as text, a time zone, values that mean something else', async () => {
  await client.query(`CREATE TABLE audit.log (id uuid PRIMARY KEY, what text, data text, who int, at timestamp NOT NULL);
    INSERT INTO audit.log VALUES
      ('b0000000-0000-0000-0000-000000000000', 'neu', ' {"id": 1, "title": "a"} ', 42, '2024-07-01 12:00'),
      ('a0000000-0000-0000-0000-000000000000', 'weg', '{"id": 1, "title": "a"}', 43, '2024-07-01 13:00'),
      ('c0000000-0000-0000-0000-000000000000', 'login', 'no JSON', 43, '2024-07-01 14:00')`);
  const flags = ['--table', 'audit.log', '--map', mapFile(LOG), '--environment', 'own'];
  const { code, stderr } = await importTable(...flags);
  expect(code, stderr).toBe(0);
  expect(stderr).toContain('2 changes imported, 1 row that is no change of a row');
  const rows = await changes('own');
  expect(
    rows.map(({ operation, before, after, context, committed_at }) => [
      operation,
      before,
      after,
      context,
      committed_at,
    ]),
  ).toEqual([
    ['CREATE', {}, { id: 1, title: 'a' }, { from: 'old log', user: 42 }, new Date('2024-07-01T10:00:00Z')],
    ['DELETE', { id: 1, title: 'a' }, {}, { from: 'old log', user: 43 }, new Date('2024-07-01T11:00:00Z')],
  ]);
  expect(new Set(rows.map(({ id }) => id.slice(14, 15)))).toEqual(new Set(['5']));
  // Under another name they are the same changes.
  expect((await importTable(...flags, '--name', 'other')).stderr).toContain(
    '0 changes imported, 2 there already',
  );
});

it('names what it can’t read by its row, never by what is in it, and leaves out no more than it may', async () => {
  await client.query(`INSERT INTO audit.log VALUES
    ('d0000000-0000-0000-0000-000000000000', 'neu', 'secret words', 42, '2024-07-02 12:00'),
    ('e0000000-0000-0000-0000-000000000000', 'neu', '{"id": 2, "a": "\\u0000secret"}', 42, '2024-07-02 13:00'),
    ('f0000000-0000-0000-0000-000000000000', 'neu', '{"id": 3}', 42, '2024-07-02 14:00'),
    ('f1000000-0000-0000-0000-000000000000', 'neu', '{"id": 4}', 42, 'infinity')`);
  const flags = ['--table', 'audit.log', '--map', mapFile(LOG), '--environment', 'own'];
  const refused = await importTable(...flags);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(
    /Row d0000000-\S+ can't be imported: what it says of the row is no JSON object.*\[IMPORT_ROW_UNREADABLE\]/,
  );
  const tooMany = await importTable(...flags, '--max-bad-rows', '2');
  expect(tooMany.code).toBe(1);
  const { code, stderr } = await importTable(...flags, '--max-bad-rows', '3');
  expect(code, stderr).toBe(0);
  expect(stderr).toContain(
    "! Row e0000000-0000-0000-0000-000000000000 can't be imported: the store's server can't hold it (SQLSTATE 22P05)",
  );
  expect(stderr).toContain("! Row f1000000-0000-0000-0000-000000000000 can't be imported: its time is null");
  expect(stderr).toContain(
    '0 changes imported, 3 there already, 1 row that is no change of a row, 3 rows left out',
  );
  for (const said of [refused, tooMany, { stderr }]) expect(said.stderr).not.toContain('secret');
  expect((await changes('own')).map(({ primary_key }) => primary_key)).toEqual(['1', '1', '3']);
});

it('keeps of it only what redaction lets through', async () => {
  fs.writeFileSync(
    path.join(folder, 'colophon.config.json'),
    JSON.stringify({
      redact: { tables: { todo: { title: 'mask', id: 'drop' } }, context: { user: 'drop' } },
      columns: { exclude: ['*.note'] },
    }),
  );
  await client.query(`CREATE TABLE audit.private (id int PRIMARY KEY, what text, data json, who int, at timestamp NOT NULL);
    INSERT INTO audit.private VALUES (1, 'neu', '{"id": 1, "title": "hidden", "note": "hidden", "done": true}', 42, '2024-08-01')`);
  const { code, stderr } = await importTable(
    '--table',
    'audit.private',
    '--map',
    mapFile(LOG),
    '--environment',
    'private',
  );
  fs.rmSync(path.join(folder, 'colophon.config.json'));
  expect(code, stderr).toBe(0);
  const [{ after, context, key, primary_key }] = await changes('private');
  expect([after, context, key, primary_key]).toEqual([
    { title: '***', done: true },
    { from: 'old log' },
    {},
    null,
  ]);
});

it.each([
  [{ ...LOG, what: 'x' }, 'unknown key "what"'],
  [{ ...LOG, id: undefined }, 'has no id'],
  [{ ...LOG, after: 7 }, "mapping's after is wrong"],
  [{ ...LOG, row: 'data' }, 'in one way'],
  [{ ...LOG, operations: { neu: 'MAKE' } }, "mapping's operations is wrong"],
  [{ ...LOG, after: 'date' }, 'has no column "date", which the mapping names for'],
  [{ ...LOG, committedAt: 'who' }, 'wanted a timestamp'],
  [{ ...LOG, transactionId: 'what' }, 'wanted a number'],
])('refuses a mapping that can’t be followed, before anything is written: %#', async (mapping, words) => {
  const before = await client.query('SELECT count(*) FROM colophon.imports');
  const { code, stderr } = await importTable('--table', 'audit.private', '--map', mapFile(mapping));
  expect(code).toBe(1);
  expect(stderr).toContain(words);
  expect(stderr).toContain('[INVALID_OPTION]');
  expect((await client.query('SELECT count(*) FROM colophon.imports')).rows).toEqual(before.rows);
});

it.each([
  [
    'CREATE TABLE audit.no_key (id int NOT NULL, what text, data json, who int, at timestamp)',
    'audit.no_key',
  ],
  [
    'CREATE TABLE audit.nullable (id int UNIQUE, what text, data json, who int, at timestamp)',
    'audit.nullable',
  ],
  [
    `CREATE TABLE audit.partly (id int NOT NULL, what text, data json, who int, at timestamp);
     CREATE UNIQUE INDEX ON audit.partly (id) WHERE who > 0`,
    'audit.partly',
  ],
  [
    'CREATE TABLE audit.no_order (id uuid PRIMARY KEY, what text, data json, who int, at timestamp)',
    'audit.no_order',
  ],
])('refuses a table whose rows could be lost or doubled: %#', async (sql, table) => {
  await client.query(sql);
  const { code, stderr } = await importTable('--table', table, '--map', mapFile(LOG));
  expect([code, stderr]).toEqual([1, expect.stringContaining('[TABLE_UNSUITABLE]')]);
});

it.each([
  [['import', 'mongo'], 'bemi or table'],
  [['import', 'table', '--from', 'postgres://x/y'], 'Which columns say what'],
  [
    ['import', 'table', '--preset', 'wiky', '--from', 'postgres://x/y'],
    '--preset is wiki, supa-audit, paper-trail',
  ],
  [['import', 'bemi'], 'COLOPHON_FROM_URL'],
  [['import', 'bemi', '--map', 'x.json', '--from', 'postgres://x/y'], 'for other tables'],
  [
    ['import', 'table', '--map', 'missing.json', '--table', 'x', '--from', 'postgres://x/y'],
    "missing.json can't be read: ENOENT",
  ],
])('says what is missing: %j', async (args, words) => {
  const { code, stderr } = await colophon(args);
  expect(code).toBe(1);
  expect(stderr).toContain(words);
});

it('needs no more memory for large rows than for small ones', async () => {
  await client.query(`CREATE TABLE audit.large (id int PRIMARY KEY, what text, data jsonb, who int, at timestamp NOT NULL);
    INSERT INTO audit.large SELECT n, 'neu', jsonb_build_object('id', n, 'text', repeat(md5(n::text), 32768)), n, '2024-09-01'
      FROM generate_series(1, 96) n`);
  const run = startColophon(
    ['import', 'table', '--from', url, '--store', url, '--table', 'audit.large', '--map', mapFile(LOG)],
    {
      cwd: folder,
    },
  );
  let peak = 0;
  const look = setInterval(() => {
    peak = Math.max(peak, peakMemory(run.pid) ?? 0);
  }, 20);
  const code = await run.ended;
  clearInterval(look);
  expect(code, run.stderr()).toBe(0);
  expect(run.stderr()).toContain('96 changes imported');
  // 96 MiB are read, and held several times over as text, JSON and bytes.
  expect(peak / 2 ** 20).toBeGreaterThan(40);
  expect(peak / 2 ** 20).toBeLessThan(300);
}, 60_000);
