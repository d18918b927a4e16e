import { createDatabase, dropDatabase, launchPostgres, type PostgresServer } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { nativeDir } from '../embedded-postgres.js';
import { catalogSnapshot, sql } from './catalog-snapshot.js';
import { colophon, startColophon } from './colophon.js';

describe.each([14, 18] as const)('init and drop on PostgreSQL %i', (major) => {
  let server: PostgresServer;
  let url: string;
  let names: string[];
  let counter = 0;

  beforeAll(async () => {
    server = await launchPostgres({ native: nativeDir(major) });
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    url = await createDatabase(server.url());
    names = ['--source', url, '--slot', `cli_setup_${counter++}`];
  });
  afterEach(() => dropDatabase(url));

  const init = (...args: string[]) => colophon(['init', ...names, ...args]);
  const drop = (...args: string[]) => colophon(['drop', '--yes', ...names, ...args]);
  const identities = async () =>
    Object.fromEntries(
      (
        await sql(
          url,
          `SELECT relname, relreplident FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace ORDER BY 1`,
        )
      ).map((row) => [row.relname, row.relreplident]),
    );
  const published = async (publication = 'colophon') =>
    (
      await sql(
        url,
        `SELECT tablename FROM pg_publication_tables WHERE pubname = '${publication}' ORDER BY 1`,
      )
    ).map((row) => row.tablename);

  it('leaves out a table that is locked, sets up the others, and goes on when it is free', async () => {
    await sql(url, 'CREATE TABLE busy (id int PRIMARY KEY); CREATE TABLE free (id int PRIMARY KEY)');
    const before = await catalogSnapshot(url);
    const reader = new pg.Client({ connectionString: url });
    await reader.connect();
    await reader.query('BEGIN; SELECT * FROM busy');
    const first = await init('--tables', 'busy,free');
    expect(first.code).toBe(1);
    expect(first.stderr.trim().split('\n').at(-1)).toMatch(/busy.*pg_stat_activity.*\[LOCK_TIMEOUT\]$/);
    expect(await published()).toEqual(['free']);
    expect(await identities()).toEqual({ busy: 'd', free: 'f' });
    expect(
      await sql(url, `SELECT 1 FROM pg_replication_slots WHERE database = current_database()`),
    ).toHaveLength(1);
    await reader.query('COMMIT');
    expect(await init('--tables', 'busy,free')).toMatchObject({ code: 0 });
    expect(await published()).toEqual(['busy', 'free']);
    // Likewise on the way back.
    await reader.query('BEGIN; SELECT * FROM busy');
    expect((await drop()).stderr).toContain('[LOCK_TIMEOUT]');
    await reader.query('COMMIT');
    await reader.end();
    expect(await drop()).toMatchObject({ code: 0 });
    expect(await catalogSnapshot(url)).toBe(before);
  });

  it('does not wait for open transactions longer than the timeout, leaves no slot then, and goes on later', async () => {
    await sql(url, 'CREATE TABLE todo (id int PRIMARY KEY); CREATE TABLE other (id int)');
    const before = await catalogSnapshot(url);
    const writer = new pg.Client({ connectionString: url });
    await writer.connect();
    await writer.query('BEGIN; INSERT INTO other VALUES (1)');
    const first = await init('--tables', 'todo', '--timeout', '2');
    expect(first.code).toBe(1);
    expect(first.stderr).toMatch(/open.*pg_stat_activity.*4 steps were done.*\[TIMEOUT\]/);
    expect(first.ms).toBeLessThan(15_000);
    await writer.query('COMMIT');
    await writer.end();
    expect(await sql(url, 'SELECT 1 FROM pg_replication_slots WHERE database = current_database()')).toEqual(
      [],
    );
    expect(await init('--tables', 'todo')).toMatchObject({ code: 0 });
    expect(await drop()).toMatchObject({ code: 0 });
    expect(await catalogSnapshot(url)).toBe(before);
  });

  it('ends at once by a signal, says how far it was, and goes on later', async () => {
    await sql(url, 'CREATE TABLE todo (id int PRIMARY KEY); CREATE TABLE other (id int)');
    const writer = new pg.Client({ connectionString: url });
    await writer.connect();
    await writer.query('BEGIN; INSERT INTO other VALUES (1)');
    const waiting = startColophon(['init', ...names, '--tables', 'todo']);
    const own = "FROM pg_stat_activity WHERE application_name = 'colophon' AND datname = current_database()";
    const waits = `SELECT ${own} AND query LIKE '%create_logical%' AND wait_event_type = 'Lock'`;
    while ((await sql(url, waits)).length === 0);
    waiting.child.kill('SIGTERM');
    const { code, stderr, ms } = await waiting.finished;
    expect({ code, line: stderr.trim().split('\n').at(-1) }).toEqual({
      code: 1,
      line: expect.stringMatching(/^colophon: Stopped\..* 4 steps were done before;.*\[STOPPED\]$/),
    });
    expect(ms).toBeLessThan(20_000);
    await writer.query('COMMIT');
    await writer.end();
    // The server finishes what it was at.
    while ((await sql(url, `SELECT ${own}`)).length > 0);
    expect(await init('--tables', 'todo')).toMatchObject({ code: 0 });
    expect(await drop()).toMatchObject({ code: 0 });
  });

  it('--all-tables tracks what can be, names what cannot, and breaks no UPDATE', async () => {
    await sql(
      url,
      `CREATE TABLE keyed (id int PRIMARY KEY, v int); CREATE TABLE keyless (v int);
       CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY, v int);
       CREATE TABLE computed (id int PRIMARY KEY, v int, twice int GENERATED ALWAYS AS (v * 2) STORED);
       CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, v int);
       CREATE TABLE parent (id int PRIMARY KEY, v int); CREATE TABLE child () INHERITS (parent);
       CREATE TABLE rooted (id int, v int) PARTITION BY LIST (id); CREATE TABLE rooted_1 PARTITION OF rooted FOR VALUES IN (1);
       CREATE VIEW seen AS SELECT 1; CREATE MATERIALIZED VIEW kept AS SELECT 1 AS v;`,
      major >= 18
        ? `CREATE TABLE derived (id int PRIMARY KEY, v int, twice int GENERATED ALWAYS AS (v * 2) VIRTUAL);
           CREATE TABLE derived_keyless (v int, twice int GENERATED ALWAYS AS (v * 2) VIRTUAL)`
        : 'SELECT 1',
    );
    const before = await catalogSnapshot(url);
    const result = await init('--all-tables');
    expect(result.code).toBe(0);
    const tracked = ['child', 'computed', 'deferred', 'keyed', 'keyless', 'parent', 'rooted_1'];
    expect(await published()).toEqual(major >= 18 ? [...tracked, 'derived'].sort() : tracked);
    expect(result.stderr).toMatch(/Left out: fleeting .*unlogged/);
    if (major >= 18)
      expect(result.stderr).toMatch(/Left out: derived_keyless .*virtual generated column twice/);
    // Partitions that come later: the root has no key, so they are not published, and updates go on.
    await sql(url, 'CREATE TABLE rooted_2 PARTITION OF rooted FOR VALUES IN (2)');
    for (const table of [
      'keyed',
      'keyless',
      'fleeting',
      'computed',
      'deferred',
      'parent',
      'child',
      'rooted',
      ...(major >= 18 ? ['derived', 'derived_keyless'] : []),
    ]) {
      const columns = table.endsWith('keyless') ? '(v) VALUES (1)' : '(id, v) VALUES (1, 1)';
      await sql(url, `INSERT INTO ${table} ${columns}`, `UPDATE ${table} SET v = 2`, `DELETE FROM ${table}`);
    }
    await sql(url, 'INSERT INTO rooted VALUES (2, 1)', 'UPDATE rooted SET v = 3');
    expect(await colophon(['run', '--once', ...names])).toMatchObject({ code: 0 });
    const kinds = await sql(
      url,
      `SELECT "table", partition, string_agg(operation, ' ' ORDER BY seq) AS operations FROM colophon.changes GROUP BY 1, 2 ORDER BY 1`,
    );
    // parent's statements reach child's rows too: by then it has none.
    expect(kinds.map((row) => [row.table, row.operations])).toEqual(
      [
        'child',
        'computed',
        'deferred',
        ...(major >= 18 ? ['derived'] : []),
        'keyed',
        'keyless',
        'parent',
        'rooted',
      ].map((table) => [table, 'CREATE UPDATE DELETE']),
    );
    // init again takes the new partition in; the store's own tables never.
    expect((await init('--all-tables')).stderr).toContain('rooted_2');
    expect(await published()).toContain('rooted_2');
    await sql(url, 'DROP TABLE rooted_2');
    expect(await drop('--store-too')).toMatchObject({ code: 0 });
    expect(await catalogSnapshot(url, 'all')).toBe(before);
  });

  it('--replica-identity default keeps what is usable and refuses the rest', async () => {
    await sql(
      url,
      `CREATE TABLE keyed (id int PRIMARY KEY); CREATE TABLE keyless (v int); CREATE TABLE silent (id int PRIMARY KEY); ALTER TABLE silent REPLICA IDENTITY NOTHING`,
    );
    const before = await catalogSnapshot(url, 'all');
    for (const table of ['keyless', 'silent']) {
      const refused = await init('--tables', `keyed,${table}`, '--replica-identity', 'default');
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(new RegExp(`${table} can't be tracked.*\\[TABLE_UNSUITABLE\\]`));
    }
    expect(await catalogSnapshot(url, 'all')).toBe(before);
    expect(await init('--all-tables', '--replica-identity', 'default')).toMatchObject({ code: 0 });
    expect(await published()).toEqual(['keyed']);
    expect(await identities()).toEqual({ keyed: 'd', keyless: 'd', silent: 'n' });
    expect(await drop('--store-too')).toMatchObject({ code: 0 });
    expect(await catalogSnapshot(url, 'all')).toBe(before);
  });

  it('keeps a publication that was there before, and its comment', async () => {
    const options = major >= 18 ? ' WITH (publish_generated_columns = stored)' : '';
    await sql(
      url,
      `CREATE TABLE mine (id int PRIMARY KEY); CREATE TABLE added (id int PRIMARY KEY);
       CREATE PUBLICATION colophon FOR TABLE mine${options}; COMMENT ON PUBLICATION colophon IS 'it''s mine \\ "quoted"'`,
    );
    const before = await catalogSnapshot(url);
    expect(await init('--tables', 'mine,added')).toMatchObject({ code: 0 });
    expect(await published()).toEqual(['added', 'mine']);
    expect(await drop()).toMatchObject({ code: 0 });
    expect(await published()).toEqual(['mine']);
    expect(await catalogSnapshot(url)).toBe(before);
  });

  it('adds tables to what is tracked, and keeps those that are no longer named', async () => {
    await sql(url, 'CREATE TABLE one (id int PRIMARY KEY); CREATE TABLE two (id int PRIMARY KEY)');
    const before = await catalogSnapshot(url);
    expect(await init('--tables', 'one')).toMatchObject({ code: 0 });
    const second = await init('--tables', 'two');
    expect(second.stderr).toContain('Also published from before, and kept: one.');
    expect(await published()).toEqual(['one', 'two']);
    expect(await drop()).toMatchObject({ code: 0 });
    expect(await catalogSnapshot(url)).toBe(before);
  });

  it('knows the tables again after a rename, and in a copy of the database', async () => {
    await sql(
      url,
      `CREATE TABLE todo (a int NOT NULL UNIQUE); ALTER TABLE todo REPLICA IDENTITY USING INDEX todo_a_key; CREATE TABLE gone (id int)`,
    );
    expect(await init('--tables', 'todo,gone')).toMatchObject({ code: 0 });
    const copy = await createDatabase(server.url(), new URL(url).pathname.slice(1));
    await sql(url, 'ALTER TABLE todo RENAME TO done; DROP TABLE gone');
    expect(await drop()).toMatchObject({ code: 0 });
    expect(await identities()).toEqual({ done: 'i' });
    // Slots are not copied; the OIDs of a copy or a restored dump mean nothing.
    const there = await colophon(['drop', '--yes', '--source', copy, '--slot', 'not_in_the_copy']);
    expect(there).toMatchObject({ code: 0 });
    expect(
      await sql(
        copy,
        `SELECT relname, relreplident FROM pg_class WHERE relname IN ('todo', 'gone') ORDER BY 1`,
      ),
    ).toEqual([
      { relname: 'gone', relreplident: 'd' },
      { relname: 'todo', relreplident: 'i' },
    ]);
    await dropDatabase(copy);
  });

  it('refuses a slot that is there without its publication, and a slot of somebody else', async () => {
    await sql(url, 'CREATE TABLE todo (id int PRIMARY KEY)');
    const slot = names.at(-1)!;
    await sql(url, `SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
    const before = await catalogSnapshot(url, 'all');
    expect((await init('--tables', 'todo')).stderr).toMatch(/colophon drop.*\[PUBLICATION_MISSING\]/);
    await sql(url, `SELECT pg_create_logical_replication_slot('${slot}_x', 'test_decoding')`);
    const foreign = ['--source', url, '--slot', `${slot}_x`];
    expect((await colophon(['init', ...foreign, '--tables', 'todo'])).stderr).toContain(
      '[SLOT_WRONG_PLUGIN]',
    );
    expect((await colophon(['drop', '--yes', ...foreign])).stderr).toContain('[SLOT_WRONG_PLUGIN]');
    await sql(url, `SELECT pg_drop_replication_slot('${slot}_x')`);
    expect(await catalogSnapshot(url, 'all')).toBe(before);
  });

  it('--dry-run prints the SQL and changes nothing', async () => {
    await sql(url, 'CREATE TABLE todo (id int PRIMARY KEY)');
    const before = await catalogSnapshot(url, 'all');
    const { code, stdout } = await init('--tables', 'todo', '--dry-run');
    expect(code).toBe(0);
    expect(await catalogSnapshot(url, 'all')).toBe(before);
    for (const statement of stdout.split(/;\n(?=\S|$)/).filter((text) => text !== ''))
      await sql(url, statement);
    expect((await init('--tables', 'todo')).stderr).toContain('nothing had to be changed');
  });
});

it('names a full slot table before anything is changed', async () => {
  const server = await launchPostgres({ native: nativeDir(17), settings: { max_replication_slots: 1 } });
  const url = server.url();
  await sql(
    url,
    `CREATE TABLE todo (id int PRIMARY KEY); SELECT pg_create_physical_replication_slot('taken')`,
  );
  const before = await catalogSnapshot(url, 'all');
  const result = await colophon(['init', '--source', url, '--tables', 'todo']);
  expect(result.code).toBe(1);
  expect(result.stderr).toMatch(/max_replication_slots.*\[NO_FREE_SLOT\]/);
  expect(await catalogSnapshot(url, 'all')).toBe(before);
  await server.stop();
});
