import { runWithContext } from '@colophon/context';
import { openStore } from '@colophon/store';
import { launchPostgres, type PostgresServer } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { colophon } from '../colophon-command.js';
import { type Major, nativeDir } from '../embedded-postgres.js';
import { instrumentedPool } from '../instrumented-pool.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';

const MAJORS: Major[] = process.env.PG_MAJOR ? [Number(process.env.PG_MAJOR) as Major] : [14, 18];

describe.each(MAJORS)('DDL on PostgreSQL %i', (major) => {
  let server: PostgresServer;
  let database: TrackedDatabase;
  let seen = 0n;
  const roles = `ddl_${process.pid}`;

  beforeAll(async () => {
    server = await launchPostgres({ native: nativeDir(major), settings: { max_prepared_transactions: 5 } });
    database = await trackDatabase(server.url(), 'CREATE TABLE todo (id int PRIMARY KEY, title text)', {
      tables: 'todo',
    });
    await database.client.query(`CREATE ROLE ${roles} LOGIN; GRANT ALL ON SCHEMA public TO ${roles}`);
    await stored();
  }, 60_000);
  afterAll(async () => {
    await database.drop();
    await server.stop();
  });

  /** What was stored since the last call, oldest first: rows and commands in the one order. */
  async function stored(): Promise<Record<string, unknown>[]> {
    await database.once();
    const { rows } = await database.client.query(
      `SELECT seq, 'row' AS kind, operation AS command, "table" AS what, context, commit_lsn, sequence, null AS role
         FROM colophon.changes WHERE seq > $1
       UNION ALL
       SELECT seq, 'ddl', command || CASE WHEN is_drop THEN ' (gone)' ELSE '' END, object_type || ' ' || identity, context,
              commit_lsn, sequence, role FROM colophon.ddl WHERE seq > $1
       ORDER BY seq`,
      [seen],
    );
    seen = rows.length === 0 ? seen : BigInt(rows.at(-1).seq);
    return rows;
  }
  /** The signature differs by version: more arguments, with defaults. */
  const rights = (verb: string) => async (pattern: string) => {
    const { rows } = await database.client.query(
      `SELECT oid::regprocedure::text AS name FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
         AND oid::regprocedure::text LIKE $1`,
      [pattern.replace(/,\s*/g, ',')],
    );
    expect(rows).toHaveLength(1);
    await database.client.query(`${verb.replace('*', `EXECUTE ON FUNCTION pg_catalog.${rows[0].name}`)}`);
  };
  const revoke = rights('REVOKE * FROM PUBLIC');
  const grant = rights('GRANT * TO PUBLIC');
  const lines = (rows: Record<string, unknown>[]) => rows.map((row) => `${row.command}: ${row.what}`);

  it('are told with the context in force, in the order of the changes around them', async () => {
    const pool = instrumentedPool({ connectionString: database.url, max: 2 });
    await runWithContext({ user: 1 }, () => pool.query('ALTER TABLE todo ADD COLUMN done boolean'));
    await runWithContext({ user: 2 }, async () => {
      const client = await pool.connect();
      await client.query('BEGIN');
      await client.query("INSERT INTO todo VALUES (1, 'a')");
      await client.query('CREATE TABLE other (id int)');
      await client.query("INSERT INTO todo VALUES (2, 'b')");
      await runWithContext({ user: 3 }, () => client.query('DROP TABLE other'));
      await client.query('COMMIT');
      client.release();
    });
    await pool.query('ALTER TABLE todo DROP COLUMN done');
    await pool.end();
    const rows = await stored();
    expect(rows.map((row) => [row.command, row.what, row.context, row.sequence])).toEqual([
      ['ALTER TABLE', 'table public.todo', { user: 1 }, 0],
      ['CREATE', 'todo', { user: 2 }, 0],
      ['CREATE TABLE', 'table public.other', { user: 2 }, 1],
      ['CREATE', 'todo', { user: 2 }, 1],
      ['DROP TABLE (gone)', 'table public.other', { user: 3 }, 2],
      ['ALTER TABLE (gone)', 'table column public.todo.done', {}, 0],
      ['ALTER TABLE', 'table public.todo', {}, 0],
    ]);
    const store = await openStore(database.storeUrl);
    const found = await store.ddl({ table: 'todo', order: 'oldest' });
    expect(found.map(({ identity }) => identity)).toEqual(['public.todo', 'public.todo.done', 'public.todo']);
    expect(found[0]).toMatchObject({
      context: { user: 1 },
      role: 'postgres',
      is_drop: false,
      source: expect.any(String),
    });
    const [oid] = (await database.client.query(`SELECT 'todo'::regclass::oid::int AS oid`)).rows;
    expect(found.map(({ table_oid }) => table_oid)).toEqual([oid.oid, oid.oid, oid.oid]);
    const columns = await database.client.query(
      `SELECT column_name AS name FROM information_schema.columns WHERE table_schema = 'colophon' AND table_name = 'ddl' ORDER BY ordinal_position`,
    );
    expect(Object.keys(JSON.parse(found[0]!.toJsonText()))).toEqual(columns.rows.map(({ name }) => name));
    expect(await store.ddl({ context: { user: 2 } })).toMatchObject([{ command: 'CREATE TABLE' }]);
    expect(await store.ddl({ context: { user: 2 }, command: 'ALTER TABLE' })).toEqual([]);
    await store.close();

    const log = ['log', '--store', database.storeUrl, '--ddl', '--table', 'todo', '--reverse'];
    const shown = await colophon(...log);
    expect(shown).toMatch(/user: 1 +ALTER TABLE +table public\.todo\n +as postgres\n/);
    expect(shown).toMatch(/– +ALTER TABLE +- table column\n +as postgres +public\.todo\.done\n/);
    const json = (await colophon(...log, '--json')).trim().split('\n');
    expect(json).toEqual(found.map((row) => row.toJsonText()));
    await expect(colophon(...log, '--operation', 'CREATE')).rejects.toThrow('[INVALID_OPTION]');
  });

  it('leave nothing of what was rolled back, and survive PREPARE TRANSACTION', async () => {
    await database.client.query(
      `BEGIN; CREATE TABLE never (id int); ROLLBACK;
       BEGIN; SAVEPOINT s; CREATE TABLE never (id int); ROLLBACK TO s; CREATE TABLE kept (id int); COMMIT;
       BEGIN; CREATE TABLE prepared (id int); PREPARE TRANSACTION 'p'`,
    );
    await database.client.query("COMMIT PREPARED 'p'");
    expect(lines(await stored())).toEqual([
      'CREATE TABLE: table public.kept',
      'CREATE TABLE: table public.prepared',
    ]);
  });

  it('are told of a role that has no right on anything of ours, and of one that replicates', async () => {
    const url = new URL(database.url);
    url.username = roles;
    const plain = new pg.Client({ connectionString: url.href });
    await plain.connect();
    await revoke('pg_logical_emit_message(boolean, text, bytea%)');
    await plain.query('CREATE TABLE plain_table (id int)');
    await plain.end();
    await grant('pg_logical_emit_message(boolean, text, bytea%)');
    await database.client.query(
      `SET session_replication_role = replica; CREATE TABLE replicated (id int); RESET session_replication_role`,
    );
    const rows = (await stored()).filter((row) => row.command === 'CREATE TABLE');
    expect(rows.map((row) => [row.what, row.role])).toEqual([
      ['table public.plain_table', roles],
      ['table public.replicated', 'postgres'],
    ]);
  });

  it('are not told of temporary objects, of our own schema, and of what changes no schema', async () => {
    await database.client.query(
      `CREATE TEMP TABLE t (id serial PRIMARY KEY); CREATE INDEX ON t (id); ALTER TABLE t ADD c int; DROP TABLE t;
       SELECT colophon.make_partitions(5); CREATE TABLE colophon.extra (id int); DROP TABLE colophon.extra`,
    );
    await database.client.query('REINDEX TABLE todo');
    await database.client.query(
      `CREATE MATERIALIZED VIEW mv AS SELECT 1 AS n; REFRESH MATERIALIZED VIEW mv; DROP MATERIALIZED VIEW mv`,
    );
    await database.client.query('ANALYZE todo; TRUNCATE kept');
    expect(lines(await stored())).toEqual([
      'CREATE MATERIALIZED VIEW: materialized view public.mv',
      'DROP MATERIALIZED VIEW (gone): materialized view public.mv',
    ]);
  });

  it('work where a statement must stand alone', async () => {
    const pool = instrumentedPool({ connectionString: database.url, max: 1 });
    await runWithContext({ user: 9 }, async () => {
      await pool.query('CREATE INDEX CONCURRENTLY todo_title ON todo (title)');
      await pool.query('DROP INDEX CONCURRENTLY todo_title');
      await pool.query('VACUUM todo');
    });
    await pool.end();
    expect(lines(await stored())).toEqual([
      'CREATE INDEX: index public.todo_title',
      'DROP INDEX (gone): index public.todo_title',
    ]);
  });

  it('keep odd names, and no text of the command', async () => {
    await database.client.query(
      `CREATE SCHEMA "Größe"; CREATE TABLE "Größe"."a.b ""c\\" (id int DEFAULT 4711); COMMENT ON TABLE "Größe"."a.b ""c\\" IS 'secret 4711';
       GRANT SELECT ON "Größe"."a.b ""c\\" TO ${roles}; DROP SCHEMA "Größe" CASCADE`,
    );
    const rows = await stored();
    expect(rows.map((row) => [row.command, row.what])).toEqual([
      ['CREATE SCHEMA', 'schema "Größe"'],
      ['CREATE TABLE', 'table "Größe"."a.b ""c\\"'],
      ['COMMENT', 'table "Größe"."a.b ""c\\"'],
      ['GRANT', null],
      ['DROP SCHEMA (gone)', 'schema "Größe"'],
      ['DROP SCHEMA (gone)', 'table "Größe"."a.b ""c\\"'],
    ]);
    const { rows: all } = await database.client.query(
      'SELECT string_agg(d::text, $1) AS text FROM colophon.ddl d',
      [' '],
    );
    expect(all[0].text).not.toContain('4711');
  });

  it('never fail the command, and say that something is missing', async () => {
    // A schema that stands before the catalog's would be found first, were the search path not fixed.
    await database.client.query(`CREATE SCHEMA trap; CREATE FUNCTION trap.jsonb_build_object(VARIADIC "any") RETURNS jsonb
      LANGUAGE internal AS 'jsonb_build_object'; SET search_path = trap, pg_catalog, public; CREATE TABLE public.trapped (id int); RESET search_path`);
    // What can go wrong inside: here the rights of the function's owner.
    await database.client.query(
      `CREATE ROLE ${roles}_weak; ALTER FUNCTION colophon.record_ddl() OWNER TO ${roles}_weak`,
    );
    await revoke('pg_event_trigger_ddl_commands()');
    await database.client.query('CREATE TABLE unseen (id int)');
    await revoke('pg_logical_emit_message(boolean, text, bytea%)');
    await database.client.query('CREATE TABLE unheard (id int)');
    await grant('pg_event_trigger_ddl_commands()');
    await grant('pg_logical_emit_message(boolean, text, bytea%)');
    await database.client.query(
      `ALTER FUNCTION colophon.record_ddl() OWNER TO postgres; DROP ROLE ${roles}_weak`,
    );
    expect(
      (await database.client.query(`SELECT to_regclass('unseen') AS a, to_regclass('unheard') AS b`)).rows,
    ).toEqual([{ a: 'unseen', b: 'unheard' }]);
    const rows = lines(await stored());
    expect(rows).toContain('CREATE TABLE: table public.trapped');
    expect(rows.join('\n')).not.toContain('unheard');
    const { rows: odd } = await database.client.query(
      `SELECT command FROM colophon.ddl WHERE object_type = 'not known: 42501'`,
    );
    expect(odd).toEqual([{ command: 'REVOKE' }, { command: 'CREATE TABLE' }]);
  });

  it('take what somebody else writes under their prefix for no more than it is', async () => {
    await database.client.query(
      `SELECT pg_logical_emit_message(true, 'colophon.ddl', m) FROM unnest(ARRAY['nonsense', '[]', 'null', '{}', '{"command": 7}',
        '{"command": "FORGED \\u0000 \\ud800", "table": -1, "identity": "' || repeat('x', 100000) || '"}']) m`,
    );
    const rows = await stored();
    expect(rows.map((row) => row.command)).toEqual(['FORGED \ufffd \ufffd']);
  });

  it('cost little: a thousand commands in one transaction are stored', async () => {
    await database.client.query(
      `DO $$ BEGIN FOR i IN 1..1000 LOOP EXECUTE format('COMMENT ON TABLE todo IS %L', i); INSERT INTO todo VALUES (i + 10); END LOOP; END $$`,
    );
    const rows = await stored();
    expect(rows.length).toBe(2000);
    const misplaced = rows.filter((row, index) => row.kind !== (index % 2 === 0 ? 'ddl' : 'row'));
    expect(misplaced.slice(0, 3)).toEqual([]);
  });
});
