import { runWithContext } from '@colophon/context';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { colophon, type Running, startColophon } from '../cli/colophon.js';
import type { Major } from '../embedded-postgres.js';
import { instrumentedPool } from '../instrumented-pool.js';
import { sql } from '../roles/role-server.js';
import { launchManagedServer, type ManagedServer, type Provider } from './managed-server.js';
import { pgDump, roleDump, wholeCatalog } from './schema-dump.js';

/** The application as it is before anybody thinks of auditing; `app` is the role that it connects as. */
const APPLICATION = [
  'CREATE SCHEMA sales',
  `CREATE TABLE todo (id int PRIMARY KEY, title text);
   COMMENT ON TABLE todo IS 'What is to do.'`,
  'CREATE TABLE sales.order_line (order_id int, line int, PRIMARY KEY (order_id, line))',
  'ALTER TABLE sales.order_line REPLICA IDENTITY USING INDEX order_line_pkey',
  'CREATE TABLE note (text text)',
  'CREATE TABLE event (id int PRIMARY KEY) PARTITION BY RANGE (id)',
  'CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (1) TO (100)',
  'CREATE TABLE plain (id int PRIMARY KEY)',
  'CREATE PUBLICATION warehouse FOR TABLE plain',
  'CREATE ROLE app LOGIN',
  'GRANT USAGE ON SCHEMA public, sales TO app',
  'GRANT SELECT, INSERT, UPDATE, DELETE ON todo, sales.order_line, note, event TO app',
  "INSERT INTO todo VALUES (1, 'from before')",
];

describe.each([
  ['rds', 14],
  ['supabase', 15],
  ['neon', 18],
] as const satisfies readonly (readonly [Provider, Major])[])(
  'the guide on a server like %s, PostgreSQL %i',
  (provider, major) => {
    let server: ManagedServer;
    let admin: string;
    let consumer: string;
    let reader: string;
    let pool: pg.Pool;
    let run: Running;
    let tail: Running;
    let before: { dump: string[] | null; catalog: string; roles: string[] };

    const look = async () => ({
      dump: pgDump(admin, major),
      catalog: await wholeCatalog(admin),
      roles: await roleDump(admin),
    });
    const succeed = async (...args: string[]) => {
      const done = await colophon(args);
      expect(done, done.stderr).toMatchObject({ code: 0 });
      return done;
    };
    const asApplication = (user: string, text: string) =>
      runWithContext({ user, endpoint: 'PUT /todo/1' }, () => pool.query(text));

    beforeAll(async () => {
      server = await launchManagedServer(provider, major);
      admin = server.adminUrl;
      consumer = server.as('colophon_consumer');
      reader = server.as('colophon_reader');
      await sql(admin, ...APPLICATION);
      pool = instrumentedPool({ connectionString: server.as('app'), max: 2 });
      before = await look();
    });
    afterAll(async () => {
      await pool?.end();
      await server?.stop();
    });

    it('nobody who walks it is a superuser', async () => {
      const rows = await sql(
        admin,
        'SELECT rolsuper, rolreplication FROM pg_roles WHERE rolname = current_user',
      );
      expect(rows).toEqual([{ rolsuper: false, rolreplication: provider !== 'rds' }]);
      expect(before.dump === null).toBe(major > 15);
    });

    it('goes from nothing to the first audit record', async () => {
      // What is shown before anything is done.
      const plan = (await succeed('init', '--source', admin, '--tables', 'todo,note,event', '--dry-run'))
        .stdout;
      expect(plan).toContain('ALTER TABLE "public"."todo" REPLICA IDENTITY FULL;');
      await succeed('role', 'application', '--source', admin, '--role-name', 'app', '--dry-run');
      expect(await look()).toEqual(before);

      const made = await succeed('init', '--source', admin, '--tables', 'todo,note,event', '--yes');
      expect(made.stderr).toContain('Tracked: todo, note, event.');
      expect(made.stderr).not.toContain('The store belongs to');
      // What no customer may on a server that isn't patched is said, and stops nothing.
      expect(made.stderr).toMatch(/^! DDL is not recorded, since role \w+ may not create event triggers/m);

      await makeConsumer();
      await succeed('role', 'reader', '--source', admin);
      const application = await succeed('role', 'application', '--source', admin, '--role-name', 'app');
      expect(application.stderr).not.toMatch(/^[✓!]/m);

      const doctor = await succeed('doctor', '--source', consumer, '--json');
      const verdicts = doctor.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(verdicts.filter(({ verdict }) => verdict === 'fail')).toEqual([]);

      run = startColophon(['run', '--source', consumer]);
      tail = startColophon(['tail', '--source', reader, '--json']);
      await asApplication('ada', "UPDATE todo SET title = 'audited' WHERE id = 1");
      await tail.said('"title": "audited"', 'stdout');
      const { stdout } = await succeed('log', '--source', reader, '--table', 'todo', '--key', '1', '--json');
      expect(JSON.parse(stdout)).toMatchObject({
        operation: 'UPDATE',
        before: { id: 1, title: 'from before' },
        after: { id: 1, title: 'audited' },
        context: { user: 'ada', endpoint: 'PUT /todo/1' },
      });
      expect(JSON.parse((await succeed('status', '--source', reader, '--json')).stdout)).toMatchObject({
        source: { slot_active: true, tables: 3 },
        store: [{ changes: 1 }],
        gaps: [],
      });
      await finish();
    });

    it('tracks another table and copies what is there, and the running consumer goes on', async () => {
      run = startColophon(['run', '--source', consumer]);
      tail = startColophon(['tail', '--source', reader, '--json', '--lines', '0']);
      await run.said('Reading');
      const tracked = await succeed('tables', 'track', 'sales.*', '--source', admin);
      expect(tracked.stderr).toContain('Tracked: sales.order_line.');
      await asApplication('grace', 'INSERT INTO sales.order_line VALUES (1, 1)');
      await asApplication('grace', 'INSERT INTO event VALUES (7)');
      await tail.said('"event"', 'stdout');
      expect((await tailed()).map(({ table, context }) => [table, context.user])).toEqual([
        ['order_line', 'grace'],
        ['event', 'grace'],
      ]);
      await succeed('role', 'consumer', '--source', admin, '--for-snapshot');
      const { stdout } = await succeed('snapshot', '--source', consumer, '--json');
      expect(
        stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line))
          .map(({ table, rows }) => [table, rows]),
      ).toEqual(
        expect.arrayContaining([
          ['todo', 1],
          ['order_line', 1],
          ['event', 1],
        ]),
      );
      const { stdout: list } = await succeed('tables', '--source', admin, '--json');
      const isTracked = list
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .map(({ table, tracked }) => [table, tracked]);
      expect(Object.fromEntries(isTracked)).toEqual({
        ...{ todo: true, note: true, event: true, order_line: true, plain: false },
      });
      await finish();
    });

    it('drop leaves the schema as it was; the roles that stay are said, and go by what is said', async () => {
      const { stderr } = await succeed('drop', '--source', admin, '--store-too', '--yes');
      const said = [...stderr.matchAll(/^ {2}(.*);$/gm)].flatMap(([, line]) => line!.split('; '));
      expect(said.filter((statement) => statement.startsWith('DROP ROLE'))).toEqual([
        'DROP ROLE "colophon_consumer"',
        'DROP ROLE "colophon_reader"',
        'DROP ROLE "colophon_owner"',
      ]);
      const after = await look();
      if (before.dump !== null) {
        // The copies were read by a role that is still there.
        const granted = /^GRANT (SELECT ON TABLE|USAGE ON SCHEMA) .* TO colophon_consumer;$/;
        expect(after.dump!.filter((line) => !granted.test(line))).toEqual(before.dump);
      }
      for (const statement of said) await sql(admin, statement);
      expect(await look()).toEqual(before);
      expect(await sql(admin, 'SELECT slot_name FROM pg_replication_slots')).toEqual([]);
      // The application never noticed.
      await asApplication('ada', "UPDATE todo SET title = 'as before' WHERE id = 1");
      await asApplication('ada', "INSERT INTO note VALUES ('as before')");
    });

    /** `colophon role consumer`, and what the service does where its administrator may not. */
    async function makeConsumer(): Promise<void> {
      if (provider === 'rds') {
        const { stderr } = await succeed('role', 'consumer', '--source', admin);
        expect(stderr).toContain('✓ GRANT rds_replication TO "colophon_consumer"');
        // What membership is on the service's own PostgreSQL.
        await server.service('ALTER ROLE colophon_consumer REPLICATION');
        return;
      }
      if (major < 16) {
        const refused = await colophon(['role', 'consumer', '--source', admin]);
        expect(refused.code).toBe(1);
        expect(refused.stderr).toMatch(
          /superuser.* runs CREATE ROLE "colophon_consumer" LOGIN REPLICATION; .*Nothing was changed\. \[PRIVILEGE_MISSING\]\s*$/,
        );
        await server.service('CREATE ROLE "colophon_consumer" LOGIN REPLICATION');
      }
      await succeed('role', 'consumer', '--source', admin);
    }

    async function finish(): Promise<void> {
      for (const running of [run, tail]) {
        running.child.kill('SIGTERM');
        expect(await running.finished).toMatchObject({ code: 0 });
      }
    }

    /** What tail has shown so far. */
    async function tailed(): Promise<{ table: string; context: { user: string } }[]> {
      tail.child.kill('SIGTERM');
      const { stdout } = await tail.finished;
      return stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    }
  },
);
