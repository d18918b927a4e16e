import { createDatabase, dropDatabase, launchPostgres, type PostgresServer } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { colophon, startColophon } from '../cli/colophon.js';
import { type Major, nativeDir } from '../embedded-postgres.js';
import { as, sql } from '../roles/role-server.js';
import { listenFlag, metrics } from '../watch/pages.js';

const MAJORS: Major[] = process.env.PG_MAJOR ? [Number(process.env.PG_MAJOR) as Major] : [14, 18];

describe.each(MAJORS)('new tables on PostgreSQL %i', (major) => {
  let server: PostgresServer;
  let url: string;
  let app: string;
  let args: string[];

  beforeAll(async () => {
    server = await launchPostgres({ native: nativeDir(major), settings: { deadlock_timeout: '100ms' } });
    url = await createDatabase(server.url());
    app = as(url, 'app');
    args = ['--source', url];
    await sql(
      url,
      'CREATE ROLE app LOGIN',
      'GRANT ALL ON SCHEMA public TO app',
      'CREATE SCHEMA scratch AUTHORIZATION app; CREATE SCHEMA other AUTHORIZATION app',
      `GRANT CREATE ON DATABASE ${new URL(url).pathname.slice(1)} TO app`,
      'CREATE TABLE todo (id int PRIMARY KEY); CREATE TABLE old (id int PRIMARY KEY); ALTER TABLE old OWNER TO app',
      'ALTER TABLE todo OWNER TO app',
    );
    const init = ['init', ...args, '--tables', 'todo,!scratch.*', '--new-tables', 'auto', '--yes'];
    expect(await colophon(init)).toMatchObject({ code: 0 });
    expect((await colophon(init)).stderr).toContain('nothing had to be changed');
  }, 60_000);
  afterAll(async () => {
    await dropDatabase(url);
    await server.stop();
  });

  /** What is published of these, with its identity: `todo f`. */
  async function published(...names: string[]): Promise<string[]> {
    const rows = await sql(
      url,
      `SELECT c.oid::regclass::text || ' ' || c.relreplident::text AS text FROM pg_publication_rel r JOIN pg_class c ON c.oid = r.prrelid
        WHERE c.relname IN (${names.map((name) => `'${name}'`).join(', ')}) ORDER BY 1`,
    );
    return rows.map(({ text }) => String(text));
  }
  const identity = async (name: string) =>
    (await sql(url, `SELECT relreplident FROM pg_class WHERE relname = '${name}'`))[0]?.relreplident;
  async function session(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: app });
    await client.connect();
    return client;
  }

  it('are tracked in the transaction that makes them, for a role without any right, from the first row on', async () => {
    await sql(
      app,
      `BEGIN; CREATE TABLE keyed (id int PRIMARY KEY, v int); INSERT INTO keyed VALUES (1, 1); COMMIT;
       CREATE TABLE keyless (v int); CREATE TABLE "Odd, ""one""" (id int); CREATE SCHEMA made CREATE TABLE inside (id int PRIMARY KEY)`,
      'UPDATE keyed SET v = 2; INSERT INTO keyless VALUES (1); UPDATE keyless SET v = 2; DELETE FROM keyless',
    );
    expect(await published('keyed', 'keyless', 'Odd, "one"', 'inside')).toEqual([
      '"Odd, ""one""" f',
      'keyed f',
      'keyless f',
      'made.inside f',
    ]);
    expect(await colophon(['run', '--once', ...args])).toMatchObject({ code: 0 });
    const rows = await sql(
      url,
      `SELECT "table", string_agg(operation || ' ' || before::text, ', ' ORDER BY seq) AS was FROM colophon.changes GROUP BY 1 ORDER BY 1`,
    );
    expect(rows).toEqual([
      { table: 'keyed', was: 'CREATE {}, UPDATE {"v": 1, "id": 1}' },
      { table: 'keyless', was: 'CREATE {}, UPDATE {"v": 1}, DELETE {"v": 2}' },
    ]);
  });

  it('but not temporary, unlogged, in a schema left out, or there before; and those once they can be', async () => {
    await sql(
      app,
      `CREATE TEMPORARY TABLE fleeting (id int); CREATE UNLOGGED TABLE light (id int); CREATE TABLE scratch.draft (id int)`,
      'ALTER TABLE old ADD COLUMN v int; ALTER TABLE todo ADD COLUMN v int; CREATE TABLE colophon_like (id int)',
    );
    expect(await published('fleeting', 'light', 'draft', 'old', 'colophon_like')).toEqual([
      'colophon_like f',
    ]);
    expect(await identity('old')).toBe('d');
    await sql(app, 'ALTER TABLE light SET LOGGED; ALTER TABLE scratch.draft SET SCHEMA public');
    await sql(app, 'CREATE TABLE copied AS SELECT 1 AS id; SELECT 1 AS id INTO chosen');
    expect(await published('light', 'draft', 'copied', 'chosen')).toEqual([
      'chosen f',
      'copied f',
      'draft f',
      'light f',
    ]);
  });

  it('partitions through their root where it has a key, else one by one; made or attached', async () => {
    await sql(
      app,
      `CREATE TABLE rooted (id int PRIMARY KEY) PARTITION BY LIST (id);
       CREATE TABLE rooted_1 PARTITION OF rooted FOR VALUES IN (1);
       CREATE TABLE loose (id int) PARTITION BY LIST (id); CREATE TABLE loose_1 PARTITION OF loose FOR VALUES IN (1)`,
      `CREATE TABLE scratch.rooted_2 (id int PRIMARY KEY)`,
      `ALTER TABLE rooted ATTACH PARTITION scratch.rooted_2 FOR VALUES IN (2)`,
    );
    expect(await published('rooted', 'rooted_1', 'rooted_2', 'loose', 'loose_1')).toEqual([
      'loose_1 f',
      'rooted d',
    ]);
    expect([await identity('rooted_1'), await identity('rooted_2')]).toEqual(['f', 'f']);
    await sql(
      app,
      'INSERT INTO rooted VALUES (1), (2); DELETE FROM rooted; INSERT INTO loose VALUES (1); DELETE FROM loose',
    );
  });

  const from18: typeof it | (() => void) = major >= 18 ? it : () => {};
  from18(
    'never so that an UPDATE would fail: virtual columns keep the key, or the table is left out',
    async () => {
      await sql(
        app,
        `CREATE TABLE derived (id int PRIMARY KEY, v int, twice int GENERATED ALWAYS AS (v * 2) VIRTUAL);
       CREATE TABLE derived_keyless (v int, twice int GENERATED ALWAYS AS (v * 2) VIRTUAL);
       CREATE TABLE stored (id int PRIMARY KEY, v int, twice int GENERATED ALWAYS AS (v * 2) STORED)`,
        'INSERT INTO derived VALUES (1, 1); INSERT INTO derived_keyless VALUES (1); INSERT INTO stored VALUES (1, 1)',
        'UPDATE derived SET v = 2; UPDATE derived_keyless SET v = 2; UPDATE stored SET v = 2',
      );
      expect(await published('derived', 'derived_keyless', 'stored')).toEqual(['derived d', 'stored f']);
    },
  );

  it('leave nothing where the transaction is rolled back', async () => {
    await sql(app, 'BEGIN; CREATE TABLE undone (id int); ROLLBACK');
    await sql(
      app,
      'BEGIN; SAVEPOINT a; CREATE TABLE undone (id int); ROLLBACK TO a; CREATE TABLE done (id int); COMMIT',
    );
    expect(await published('undone', 'done')).toEqual(['done f']);
  });

  it('made by two transactions at the same time: neither fails nor makes a deadlock, and run tracks what is left', async () => {
    const [one, two] = [await session(), await session()];
    await one.query('BEGIN; CREATE TABLE first (id int PRIMARY KEY)');
    await two.query('BEGIN; LOCK TABLE todo; CREATE TABLE third (id int)');
    // It waits for the other, which would be a deadlock if the other waited for what this one has.
    const waiting = one.query('INSERT INTO todo VALUES (7)');
    await two.query('CREATE TABLE second (id int PRIMARY KEY); COMMIT');
    await waiting;
    await one.query('COMMIT');
    await Promise.all([one.end(), two.end()]);
    const atOnce = await published('first', 'second', 'third');
    expect(atOnce).toEqual(major >= 15 ? ['first f'] : ['first f', 'second f', 'third f']);
    const run = startColophon(['run', ...args]);
    await run.said('Reading');
    if (major >= 15) await run.said('New tables are tracked: second, third.');
    run.child.kill('SIGTERM');
    const { code, stderr } = await run.finished;
    expect(code).toBe(0);
    expect(await published('first', 'second', 'third')).toEqual(['first f', 'second f', 'third f']);
    expect(stderr).not.toMatch(/\bold\b/);
    if (major >= 18) {
      expect(stderr.split("New table derived_keyless isn't tracked")).toHaveLength(2);
    }
  });

  it('no longer, once it is manual; and drop puts back what every new table has', async () => {
    const tables = (...more: string[]) => colophon(['tables', ...args, ...more]);
    expect(await tables('--new-tables', 'manual')).toMatchObject({ code: 0 });
    await sql(app, 'CREATE TABLE later (id int PRIMARY KEY)');
    expect(await published('later')).toEqual([]);
    expect(await tables('--new-tables', 'auto')).toMatchObject({ code: 0 });
    await sql(app, 'ALTER TABLE later ADD COLUMN v int; CREATE TABLE latest (id int PRIMARY KEY)');
    expect(await published('later', 'latest')).toEqual(['latest f']);
    expect(await colophon(['drop', ...args, '--yes'])).toMatchObject({ code: 0 });
    expect(
      await sql(
        url,
        `SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relreplident <> 'd' AND relnamespace::regnamespace::text !~ '^(pg_|information)'`,
      ),
    ).toEqual([]);
    expect(await sql(url, 'SELECT evtname FROM pg_event_trigger')).toEqual([]);
    await sql(app, 'CREATE TABLE after (id int)');
  });
});

describe('where no event trigger may be made', () => {
  let server: PostgresServer;
  let url: string;
  beforeAll(async () => {
    server = await launchPostgres({ native: nativeDir(16) });
    url = await createDatabase(server.url());
  });
  afterAll(async () => {
    await dropDatabase(url);
    await server.stop();
  });

  it('run tracks new tables, and says once which it may not', async () => {
    await sql(
      url,
      'CREATE ROLE owner LOGIN REPLICATION; CREATE ROLE stranger LOGIN',
      `GRANT CREATE ON DATABASE ${new URL(url).pathname.slice(1)} TO owner; GRANT ALL ON SCHEMA public TO owner, stranger`,
      'CREATE TABLE todo (id int PRIMARY KEY); ALTER TABLE todo OWNER TO owner',
    );
    const mine = as(url, 'owner');
    const init = await colophon([
      'init',
      '--source',
      mine,
      '--tables',
      'todo',
      '--new-tables',
      'auto',
      '--yes',
    ]);
    expect(init).toMatchObject({ code: 0 });
    expect(init.stderr).toMatch(
      /New tables are tracked by colophon run.*role owner may not create event triggers/,
    );
    const { port, flag } = await listenFlag();
    const run = startColophon(['run', '--source', mine, ...flag]);
    await run.said('Reading');
    expect((await metrics(port)).get('colophon_untracked_new_tables')).toBe(0);
    await sql(as(url, 'stranger'), 'CREATE TABLE theirs (id int PRIMARY KEY)');
    await sql(mine, 'CREATE TABLE ours (id int PRIMARY KEY)');
    await run.said('New tables are tracked: ours.');
    await run.said("New table theirs isn't tracked: theirs belongs to stranger");
    await sql(mine, 'INSERT INTO ours VALUES (1); CREATE TABLE more (id int)');
    await run.said('New tables are tracked: more.');
    expect((await metrics(port)).get('colophon_untracked_new_tables')).toBe(1);
    run.child.kill('SIGTERM');
    const { code, stderr } = await run.finished;
    expect(code).toBe(0);
    expect(stderr.split("New table theirs isn't tracked")).toHaveLength(2);
    expect(await colophon(['run', '--once', '--source', mine])).toMatchObject({ code: 0 });
    expect(await sql(url, `SELECT "table", operation FROM colophon.changes`)).toEqual([
      { table: 'ours', operation: 'CREATE' },
    ]);
    const list = await colophon(['tables', '--source', mine]);
    expect(list.stderr).toContain('New tables: auto, *.*: tracked by colophon run');
    expect(list.stdout).toMatch(/^theirs +no /m);
    expect(await colophon(['drop', '--source', mine, '--yes'])).toMatchObject({ code: 0 });
    expect(await sql(url, `SELECT relname FROM pg_class WHERE relreplident = 'f' AND relkind = 'r'`)).toEqual(
      [],
    );
  });
});
