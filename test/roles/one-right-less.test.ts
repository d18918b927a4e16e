import { runWithContext } from '@colophon/context';
import { instrument } from '@colophon/pg';
import type { ColophonError } from '@colophon/protocol';
import { createDatabase, type PostgresServer } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { colophon } from '../cli/colophon.js';
import { as, launchRoleServer, outcomes, sql } from './role-server.js';

vi.setConfig({ testTimeout: 120_000 });

// What is in the store, right by right, is in least-rights.test.ts; this is what is outside of it.
describe.each([14, 18] as const)('where PUBLIC may nothing, PostgreSQL %i', (major) => {
  const emit = `pg_logical_emit_message(boolean,text,text${major >= 17 ? ',boolean' : ''})`;
  let server: PostgresServer;
  let url: string;
  let admin: string;
  let database: string;

  const succeed = async (...args: string[]) => {
    const done = await colophon(args);
    expect(done, done.stderr).toMatchObject({ code: 0 });
    return done;
  };
  /** The last line of a command that lacks a right. */
  const refusal = async (args: readonly string[]) => {
    const { code, stderr } = await colophon([...args]);
    const line = stderr.trim().split('\n').at(-1)!;
    expect({ code, line }).toEqual({ code: 1, line: expect.stringMatching(/\[PRIVILEGE_MISSING\]$/) });
    return line;
  };

  beforeAll(async () => {
    server = await launchRoleServer(major);
    await sql(
      server.url(),
      'CREATE ROLE admin LOGIN CREATEROLE REPLICATION',
      ...(major < 16 ? ['CREATE ROLE colophon_consumer LOGIN REPLICATION'] : []),
      'CREATE ROLE app LOGIN',
    );
    url = await createDatabase(server.url());
    admin = as(url, 'admin');
    database = new URL(url).pathname.slice(1);
    await sql(
      url,
      `ALTER DATABASE ${database} OWNER TO admin`,
      `REVOKE ALL ON DATABASE ${database} FROM PUBLIC`,
      `REVOKE EXECUTE ON FUNCTION ${emit} FROM PUBLIC`,
      `GRANT EXECUTE ON FUNCTION ${emit} TO admin WITH GRANT OPTION`,
      'REVOKE ALL ON SCHEMA public FROM PUBLIC',
      'GRANT ALL ON SCHEMA public TO admin WITH GRANT OPTION',
    );
    await sql(
      admin,
      'CREATE SCHEMA sales',
      'CREATE TABLE todo (id int PRIMARY KEY); CREATE TABLE sales.invoice (id int PRIMARY KEY)',
      'GRANT USAGE ON SCHEMA public TO app',
      'GRANT INSERT ON todo TO app',
    );
    await succeed('init', '--source', admin, '--tables', 'todo,sales.invoice', '--yes');
  });
  afterAll(async () => {
    await server?.stop();
  });

  it('role gives what PUBLIC lost, and says it', async () => {
    const connect = (role: string) => `GRANT CONNECT ON DATABASE "${database}" TO "${role}"`;
    const execute = (role: string) => `GRANT EXECUTE ON FUNCTION ${emit} TO "${role}"`;
    const consumer = await succeed('role', 'consumer', '--source', admin, '--for-snapshot');
    expect(consumer.stderr).toContain(connect('colophon_consumer'));
    expect(consumer.stderr).toContain(execute('colophon_consumer'));
    for (const kind of ['reader', 'retention']) {
      const { stderr } = await succeed('role', kind, '--source', admin);
      expect(stderr).toContain(connect(`colophon_${kind}`));
      expect(stderr).not.toContain('EXECUTE ON FUNCTION pg_logical');
    }
    const dry = await succeed('role', 'application', '--source', admin, '--role-name', 'app', '--dry-run');
    expect(dry.stdout).toBe(`${connect('app')};\n${execute('app')};\n`);
    await succeed('role', 'application', '--source', admin, '--role-name', 'app');
    const again = await succeed('role', 'application', '--source', admin, '--role-name', 'app', '--dry-run');
    expect(again.stdout).toBe('');
  });

  it('each suffices; one right less, and the line has the statement that gives it back', async () => {
    const consumer = ['--source', as(url, 'colophon_consumer')];
    const cases: [right: string, command: string[], given: string][] = [
      ['CONNECT', ['run', '--once', ...consumer], 'colophon_consumer'],
      ['EXECUTE', ['run', '--once', ...consumer], 'colophon_consumer'],
      ['REPLICATION', ['run', '--once', ...consumer], 'colophon_consumer'],
      ['CONNECT', ['status', ...consumer], 'colophon_consumer'],
      ['CONNECT', ['doctor', ...consumer], 'colophon_consumer'],
      ['SELECT', ['snapshot', 'todo', ...consumer], 'colophon_consumer'],
      ['USAGE', ['snapshot', 'sales.invoice', ...consumer], 'colophon_consumer'],
      ['CONNECT', ['log', '--source', as(url, 'colophon_reader')], 'colophon_reader'],
      [
        'CONNECT',
        ['retention', '--keep', '400d', '--source', as(url, 'colophon_retention')],
        'colophon_retention',
      ],
    ];
    const revoked: Readonly<Record<string, (role: string) => string>> = {
      CONNECT: (role) => `REVOKE CONNECT ON DATABASE ${database} FROM ${role}`,
      EXECUTE: (role) => `REVOKE EXECUTE ON FUNCTION ${emit} FROM ${role}`,
      REPLICATION: (role) => `ALTER ROLE ${role} NOREPLICATION`,
      SELECT: (role) => `REVOKE SELECT ON todo FROM ${role}`,
      USAGE: (role) => `REVOKE USAGE ON SCHEMA sales FROM ${role}`,
    };
    for (const [right, command, role] of cases) {
      await succeed(...command);
      // By the superuser REPLICATION; everything else by who gave it.
      const by = right === 'REPLICATION' ? url : admin;
      await sql(by, revoked[right]!(role));
      const line = await refusal(command);
      const [statement] = /(GRANT|ALTER ROLE) .*?(?= \(|\.? \[|\. )/.exec(line) ?? [];
      expect(statement, line).toContain(right);
      await sql(by, statement!);
      await succeed(...command);
    }
  });

  it('an application without EXECUTE writes on without a context, and hears why', async () => {
    const heard: ColophonError[] = [];
    const write = async (id: number) => {
      const pool = instrument(new pg.Pool({ connectionString: as(url, 'app') }), {
        onEmissionRefused: (error) => heard.push(error),
      });
      await runWithContext({ user: 'ada' }, () => pool.query(`INSERT INTO todo VALUES (${id})`));
      await pool.end();
    };
    await write(1);
    expect(heard).toEqual([]);
    await sql(admin, `REVOKE EXECUTE ON FUNCTION ${emit} FROM app`);
    await write(2);
    expect(heard).toMatchObject([
      {
        code: 'PRIVILEGE_MISSING',
        message: expect.stringMatching(/GRANT EXECUTE.*colophon role application/),
      },
    ]);
    await succeed('role', 'application', '--source', admin, '--role-name', 'app');
    await write(3);
    expect(heard).toHaveLength(1);
    await succeed('run', '--once', '--source', as(url, 'colophon_consumer'));
    const rows = await sql(url, 'SELECT primary_key AS key, context FROM colophon.changes ORDER BY seq');
    expect(rows).toEqual([
      { key: '1', context: { user: 'ada' } },
      { key: '2', context: {} },
      { key: '3', context: { user: 'ada' } },
    ]);
    // And nothing of the store.
    const store = [
      'SELECT FROM colophon.changes',
      'SELECT FROM colophon.migrations',
      'SET ROLE colophon_owner',
    ];
    expect(await outcomes(as(url, 'app'), store)).toEqual(
      Object.fromEntries(store.map((statement) => [statement, '42501'])),
    );
  });

  it("what an application's role should not may is named, and left to whoever gave it", async () => {
    const warned = async () =>
      (await succeed('role', 'application', '--source', admin, '--role-name', 'app')).stderr
        .split('\n')
        .filter((line) => line.startsWith('!'));
    expect(await warned()).toEqual([]);
    for (const [given, said] of [
      ['ALTER ROLE app REPLICATION', /may replicate.*ALTER ROLE "app" NOREPLICATION\.$/],
      ['GRANT colophon_owner TO app', /store's owner colophon_owner.*REVOKE "colophon_owner" FROM "app"\.$/],
      [
        'GRANT INSERT ON colophon.change_records TO app',
        /forge them.*REVOKE ALL ON ALL TABLES IN SCHEMA colophon FROM "app"\.$/,
      ],
    ] as const) {
      await sql(url, given);
      const lines = await warned();
      expect(lines).toEqual([expect.stringMatching(said)]);
      await sql(url, /(ALTER ROLE|REVOKE) [^.]*/.exec(lines[0]!)![0]);
      expect(await warned(), given).toEqual([]);
    }
    await sql(url, 'ALTER ROLE app SUPERUSER');
    expect(await warned()).toEqual([expect.stringMatching(/is a superuser/)]);
    await sql(url, 'ALTER ROLE app NOSUPERUSER');
  });

  it('who may not give a right is told so, though PostgreSQL only warns', async () => {
    await sql(url, 'CREATE SCHEMA theirs', 'GRANT USAGE, CREATE ON SCHEMA theirs TO admin');
    await sql(admin, 'CREATE TABLE theirs.note (id int PRIMARY KEY)');
    await succeed('init', '--source', admin, '--tables', 'theirs.note', '--yes');
    expect(await refusal(['role', 'consumer', '--for-snapshot', '--source', admin])).toContain(
      'GRANT USAGE ON SCHEMA "theirs" TO "colophon_consumer".',
    );
    await sql(url, 'CREATE ROLE other LOGIN');
    const reader = as(url, 'colophon_reader');
    expect(await refusal(['role', 'reader', '--role-name', 'other', '--source', reader])).toMatch(
      /GRANT CONNECT ON DATABASE|the store's owner/,
    );
    await sql(url, `GRANT CONNECT ON DATABASE ${database} TO other`);
    expect(await refusal(['role', 'reader', '--role-name', 'other', '--source', reader])).toMatch(
      /GRANT|owner/,
    );
    const app = as(url, 'app');
    expect(await refusal(['role', 'application', '--role-name', 'other', '--source', app])).toContain(emit);
    expect(await sql(url, `SELECT has_function_privilege('other', '${emit}', 'EXECUTE') AS has`)).toEqual([
      { has: false },
    ]);
  });
});
