import { migrateStore } from '@colophon/store';
import { createDatabase, type PostgresServer } from '@colophon/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { colophon } from '../cli/colophon.js';
import { makeEarlierStore } from '../store/earlier-store.js';
import { as, launchRoleServer, outcome, outcomes, sql } from './role-server.js';

/** The step of the store's schema that takes others' rights away. */
const CLOSED_SINCE = 9;

vi.setConfig({ testTimeout: 120_000 });

const OWNERS = `SELECT DISTINCT pg_get_userbyid(o.owner) AS owner FROM (
   SELECT relowner AS owner FROM pg_class WHERE relnamespace = 'colophon'::regnamespace
   UNION ALL SELECT proowner FROM pg_proc WHERE pronamespace = 'colophon'::regnamespace AND proname <> 'record_ddl'
   UNION ALL SELECT nspowner FROM pg_namespace WHERE nspname = 'colophon') o ORDER BY 1`;

describe.each([14, 18] as const)('PostgreSQL %i', (major) => {
  let server: PostgresServer;
  let url: string;

  beforeAll(async () => {
    server = await launchRoleServer(major);
    await sql(
      server.url(),
      'CREATE ROLE plain LOGIN REPLICATION',
      'CREATE ROLE maker LOGIN REPLICATION CREATEROLE',
    );
  });
  afterAll(async () => {
    await server?.stop();
  });
  // The slots of the tests before are dropped with them.
  beforeEach(async () => {
    url = await createDatabase(server.url());
    await sql(
      url,
      'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots',
      `GRANT ALL ON DATABASE ${new URL(url).pathname.slice(1)} TO plain, maker`,
      'GRANT ALL ON SCHEMA public TO plain, maker',
    );
  });

  /** `init` as this role, with a table of its own. */
  const init = async (role: string) => {
    await sql(as(url, role), 'CREATE TABLE IF NOT EXISTS todo (id int PRIMARY KEY)');
    const done = await colophon(['init', '--source', as(url, role), '--tables', 'todo', '--yes']);
    expect(done, done.stderr).toMatchObject({ code: 0 });
    return done.stderr;
  };

  // Of the majors only memberships differ.
  const isWhole = major === 18;

  if (isWhole)
    it('where roles can not be made, the store is made all the same, and a line says whose it is', async () => {
      const said = await init('plain');
      expect(said).toMatch(/^! The store belongs to plain, a role that can log in, since .*CREATEROLE\.$/m);
      expect(await sql(url, OWNERS)).toEqual([{ owner: 'plain' }]);
      const ran = await colophon(['run', '--once', '--source', as(url, 'plain')]);
      expect(ran, ran.stderr).toMatchObject({ code: 0 });
      const { stdout } = await colophon(['doctor', '--source', as(url, 'plain'), '--json']);
      const check = stdout
        .split('\n')
        .map((line) => JSON.parse(line || '{}'))
        .find((one) => one.name === 'store rights');
      expect(check).toMatchObject({ verdict: 'warn', message: expect.stringContaining('can log in') });
    });

  it('init by CREATEROLE alone makes the owner; who ran it goes on as before', async () => {
    expect(await init('maker')).not.toContain('The store belongs to');
    expect(await sql(url, OWNERS)).toEqual([{ owner: 'colophon_owner' }]);
    const ran = await colophon(['run', '--once', '--source', as(url, 'maker')]);
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
    const dropped = await colophon(['drop', '--store-too', '--yes', '--source', as(url, 'maker')]);
    expect(dropped, dropped.stderr).toMatchObject({ code: 0 });
  });

  it('where the owner is there but nobody made him a member, the line has the GRANT', async () => {
    // A role of another store on this server: made by the test before.
    const said = await init('plain');
    expect(said).toMatch(/^! The store belongs to plain.*GRANT "colophon_owner" TO "plain"/m);
    // Once it is followed, the same init hands the store over.
    await sql(url, 'GRANT colophon_owner TO plain');
    expect(await init('plain')).not.toContain('The store belongs to');
    expect(await sql(url, OWNERS)).toEqual([{ owner: 'colophon_owner' }]);
    await sql(url, 'REVOKE colophon_owner FROM plain');
  });

  if (!isWhole) return;

  it('hands over a store that somebody else owns, with what was granted on it; records stay', async () => {
    await migrateStore(as(url, 'plain'));
    await sql(as(url, 'plain'), "SELECT colophon.open_source('a', 'b', 'c', 'd', 'e')");
    expect(await sql(url, OWNERS)).toEqual([{ owner: 'plain' }]);
    await sql(url, 'DROP ROLE IF EXISTS old_reader', 'CREATE ROLE old_reader LOGIN');
    await sql(
      as(url, 'plain'),
      'GRANT USAGE ON SCHEMA colophon TO old_reader; GRANT SELECT ON colophon.changes TO old_reader',
    );
    await init('postgres');
    expect(await sql(url, OWNERS)).toEqual([{ owner: 'colophon_owner' }]);
    expect(await sql(as(url, 'old_reader'), 'SELECT count(*)::int AS n FROM colophon.changes')).toEqual([
      { n: 0 },
    ]);
    expect(await sql(url, 'SELECT name FROM colophon.sources')).toEqual([{ name: 'a' }]);
  });

  describe('default privileges, as administrators have them so that the application may use every table', () => {
    beforeEach(async () => {
      await sql(
        url,
        'CREATE ROLE app LOGIN',
        ...['SCHEMAS', 'TABLES', 'SEQUENCES', 'FUNCTIONS'].map(
          (kind) => `ALTER DEFAULT PRIVILEGES FOR ROLE plain GRANT ALL ON ${kind} TO app, PUBLIC`,
        ),
      );
    });
    // What the database's end leaves behind would hold the role.
    afterEach(async () => {
      await sql(url, 'DROP OWNED BY app', 'DROP ROLE app', 'DROP OWNED BY plain');
    });

    const rights = () =>
      sql(
        url,
        `SELECT o.name, a.privilege_type AS privilege FROM (
           SELECT relname AS name, relacl AS acl FROM pg_class WHERE relnamespace = 'colophon'::regnamespace
           UNION ALL SELECT nspname, nspacl FROM pg_namespace WHERE nspname = 'colophon'
           UNION ALL SELECT proname, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc
             WHERE pronamespace = 'colophon'::regnamespace AND proname <> 'record_ddl') o, aclexplode(o.acl) a
         WHERE a.grantee IN (0, 'app'::regrole)`,
      );

    it('give nobody a right: not on what init makes, nor on the partitions of a later month', async () => {
      expect(await init('plain')).toContain('The store belongs to plain');
      expect(await rights()).toEqual([]);
      await colophon(['role', 'consumer', '--source', as(url, 'postgres')]);
      expect(await sql(as(url, 'colophon_consumer'), 'SELECT colophon.make_partitions(5) AS made')).toEqual([
        { made: 4 },
      ]);
      expect(await rights()).toEqual([]);
      expect(await outcome(as(url, 'app'), 'DELETE FROM colophon.change_records')).toBe('42501');
      await sql(url, 'DROP OWNED BY colophon_consumer', 'DROP ROLE colophon_consumer');
    });

    it('on a store made before that was seen to: who may read goes on, and who could change no longer can', async () => {
      await makeEarlierStore(as(url, 'plain'), CLOSED_SINCE - 1);
      expect(await outcome(as(url, 'app'), 'DELETE FROM colophon.segments WHERE false')).toBe('ok');
      await init('plain');
      // Who may read the view counts as a reader.
      expect([...new Set((await rights()).map(({ privilege }) => privilege))].sort()).toEqual([
        'EXECUTE',
        'SELECT',
        'USAGE',
      ]);
      const refused = [
        'INSERT INTO colophon.segments DEFAULT VALUES',
        'TRUNCATE colophon.segments',
        'DELETE FROM colophon.gap_records',
      ];
      expect(await outcomes(as(url, 'app'), refused)).toEqual(
        Object.fromEntries(refused.map((statement) => [statement, '42501'])),
      );
    });
  });

  it('an owner that can log in is none', async () => {
    await sql(url, 'ALTER ROLE colophon_owner LOGIN');
    expect(await init('postgres')).toMatch(
      /^! The store belongs to postgres.*ALTER ROLE "colophon_owner" NOLOGIN\.$/m,
    );
    await sql(url, 'ALTER ROLE colophon_owner NOLOGIN');
    expect(await init('postgres')).not.toContain('The store belongs to');
  });
});
