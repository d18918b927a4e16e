import { grantStatement, OWNER_ONLY, openStore, STORE_RIGHTS } from '@colophon/store';
import { createDatabase, type PostgresServer } from '@colophon/testkit';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { colophon, startColophon } from '../cli/colophon.js';
import { FakeSource } from '../store/fake-source.js';
import { as, launchRoleServer, outcome, outcomes, sql } from './role-server.js';
import { consumeWholly, readWholly } from './whole-role.js';

// Dozens of commands a test.
vi.setConfig({ testTimeout: 240_000 });

const SCHEMA = `CREATE TABLE todo (id int PRIMARY KEY, title text); CREATE TABLE other (id int PRIMARY KEY);
  CREATE TABLE event (id int PRIMARY KEY) PARTITION BY RANGE (id);
  CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (1) TO (100)`;

describe.each([14, 18] as const)('PostgreSQL %i', (major) => {
  let server: PostgresServer;
  let url: string;
  let admin: string;
  let consumer: string;
  let reader: string;

  // The administrator owns the application's database and tables, may create roles and replicate, and is no superuser.
  beforeAll(async () => {
    server = await launchRoleServer(major);
    await sql(server.url(), 'CREATE ROLE admin LOGIN CREATEROLE REPLICATION', 'CREATE ROLE app LOGIN');
    url = await createDatabase(server.url());
    admin = as(url, 'admin');
    consumer = as(url, 'colophon_consumer');
    reader = as(url, 'colophon_reader');
    await sql(
      url,
      `ALTER DATABASE ${new URL(url).pathname.slice(1)} OWNER TO admin`,
      'GRANT ALL ON SCHEMA public TO admin',
    );
    await sql(admin, SCHEMA, 'GRANT SELECT, INSERT, UPDATE ON todo TO app');
  });
  afterAll(async () => {
    await server?.stop();
  });

  const succeed = async (...args: string[]) => {
    const done = await colophon(args);
    expect(done, done.stderr).toMatchObject({ code: 0 });
    return done;
  };

  /** Takes a right away; gives the statement that gives it back. */
  const revoke = async (right: (typeof STORE_RIGHTS)['consumer'][number], role: string) => {
    const grant = grantStatement(right, role);
    await sql(admin, grant.replace('GRANT', 'REVOKE').replace(' TO ', ' FROM '));
    return grant;
  };

  it('init by an administrator makes the owner, which can not log in; role makes the others', async () => {
    const { stderr } = await succeed('init', '--source', admin, '--tables', 'todo,event', '--yes');
    expect(stderr).not.toContain('The store belongs to');
    expect(
      await sql(
        url,
        `SELECT DISTINCT pg_get_userbyid(o.owner) AS owner FROM (
           SELECT relowner AS owner FROM pg_class WHERE relnamespace = 'colophon'::regnamespace
           UNION ALL SELECT proowner FROM pg_proc WHERE pronamespace = 'colophon'::regnamespace
           UNION ALL SELECT nspowner FROM pg_namespace WHERE nspname = 'colophon') o`,
      ),
    ).toEqual([{ owner: 'colophon_owner' }]);
    expect(
      await sql(url, "SELECT rolcanlogin, rolsuper FROM pg_roles WHERE rolname = 'colophon_owner'"),
    ).toEqual([{ rolcanlogin: false, rolsuper: false }]);
    // Before 16 CREATEROLE was not enough to give REPLICATION away, whoever had it.
    if (major < 16) await sql(url, 'CREATE ROLE colophon_consumer LOGIN REPLICATION');
    const dry = await succeed('role', 'consumer', '--source', admin, '--dry-run');
    const made = await succeed('role', 'consumer', '--source', admin);
    await succeed('role', 'reader', '--source', admin);
    await succeed('role', 'retention', '--source', admin);
    const statements = dry.stdout.trim().split('\n');
    for (const statement of statements) expect(made.stderr).toContain(`✓ ${statement.replace(/;$/, '')}`);
    expect(statements.filter((line) => line.startsWith('GRANT'))).toEqual(
      STORE_RIGHTS.consumer.map((right) => `${grantStatement(right, 'colophon_consumer')};`),
    );
  });

  it('the same again changes nothing', async () => {
    await succeed('init', '--source', admin, '--tables', 'todo,event', '--yes');
    const { stdout } = await succeed('role', 'consumer', '--source', admin, '--dry-run');
    expect(stdout).not.toContain('ROLE');
  });

  it('run, status, log, tail and doctor go with these rights', async () => {
    await sql(as(url, 'app'), "INSERT INTO todo VALUES (1, 'a')", "UPDATE todo SET title = 'b'");
    await succeed('run', '--once', '--source', consumer);
    expect((await succeed('status', '--source', consumer, '--json')).stdout).toContain('"changes":2');
    const { stdout } = await succeed('log', '--source', reader, '--json');
    expect(stdout.trim().split('\n')).toHaveLength(2);
    const tail = startColophon(['tail', '--source', reader, '--json']);
    await tail.said('"UPDATE"', 'stdout');
    const run = startColophon(['run', '--source', consumer]);
    await sql(as(url, 'app'), "UPDATE todo SET title = 'c'");
    await tail.said('"title": "c"', 'stdout');
    run.child.kill('SIGTERM');
    tail.child.kill('SIGTERM');
    expect(await run.finished).toMatchObject({ code: 0 });
    expect(await tail.finished).toMatchObject({ code: 0 });
    const doctor = await succeed('doctor', '--source', consumer, '--json');
    const checks = doctor.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(checks.find((check) => check.name === 'store rights')).toMatchObject({ verdict: 'ok' });
    expect(checks.filter((check) => check.verdict === 'fail')).toEqual([]);
  });

  it('doctor warns of a role that could change records', async () => {
    const { stdout } = await succeed('doctor', '--source', admin, '--json');
    const check = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .find((one) => one.name === 'store rights');
    expect(check).toMatchObject({
      verdict: 'warn',
      remedy: expect.stringContaining('colophon role consumer'),
    });
  });

  it('refuses to change, delete, truncate, drop, or write through a view', async () => {
    const leaf = String(
      (
        await sql(
          url,
          "SELECT inhrelid::regclass::text AS leaf FROM pg_inherits WHERE inhparent = 'colophon.change_records'::regclass LIMIT 1",
        )
      )[0]!.leaf,
    );
    const [toasted] = await sql(
      url,
      `SELECT reltoastrelid::regclass::text AS toast FROM pg_class WHERE oid = '${leaf}'::regclass`,
    );
    const toast = String(toasted!.toast);
    const statements = [
      "UPDATE colophon.change_records SET operation = 'DELETE'",
      'DELETE FROM colophon.change_records',
      'TRUNCATE colophon.change_records',
      "UPDATE colophon.segments SET context = '{}'",
      'DELETE FROM colophon.segments',
      'TRUNCATE colophon.segments',
      `DELETE FROM ${leaf}`,
      `INSERT INTO ${leaf} DEFAULT VALUES`,
      `TRUNCATE ${leaf}`,
      `DELETE FROM ${toast}`,
      'WITH gone AS (DELETE FROM colophon.segments RETURNING id) SELECT count(*) FROM gone',
      'COPY (DELETE FROM colophon.change_records RETURNING id) TO STDOUT',
      'DO $$ BEGIN DELETE FROM colophon.segments; END $$',
      `INSERT INTO colophon.segments (id, committed_at, source_id, timeline, commit_lsn, transaction_id, queued_at, context)
        VALUES (1, now(), 1, 1, '0/1', 1, now(), '{}') ON CONFLICT (id, committed_at) DO UPDATE SET context = '{}'`,
      'SELECT FROM colophon.change_records FOR UPDATE',
      'DO $$ BEGIN LOCK TABLE colophon.change_records IN EXCLUSIVE MODE; END $$',
      `CREATE TRIGGER mine BEFORE INSERT ON colophon.change_records
        FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
      'CREATE RULE mine AS ON INSERT TO colophon.segments DO INSTEAD NOTHING',
      'ALTER TABLE colophon.segments ENABLE ROW LEVEL SECURITY',
      'SELECT colophon.close_to_others(ARRAY[]::oid[])',
      'SELECT colophon.make_month(now())',
      'SELECT colophon.forget_baselines(now())',
      `DROP TABLE ${leaf}`,
      `ALTER TABLE colophon.change_records DETACH PARTITION ${leaf}`,
      'DROP TABLE colophon.change_records',
      'DROP VIEW colophon.changes',
      'DROP SCHEMA colophon CASCADE',
      'UPDATE colophon.positions SET version = 0',
      'DELETE FROM colophon.positions',
      'UPDATE colophon.gap_records SET detail = NULL',
      'DELETE FROM colophon.gap_records',
      'INSERT INTO colophon.gap_records DEFAULT VALUES',
      'DELETE FROM colophon.slots',
      'UPDATE colophon.baselines SET "table" = NULL',
      'DELETE FROM colophon.baseline_chunks',
      'DELETE FROM colophon.baseline_rows',
      'UPDATE colophon.ddl_records SET context = NULL',
      'DELETE FROM colophon.ddl_records',
      'DELETE FROM colophon.unstored_records',
      'INSERT INTO colophon.unstored_records DEFAULT VALUES',
      'DELETE FROM colophon.retentions',
      'INSERT INTO colophon.retentions DEFAULT VALUES',
      'CREATE TABLE colophon.mine ()',
      'ALTER TABLE colophon.change_records DISABLE TRIGGER ALL',
      'CREATE OR REPLACE VIEW colophon.changes AS SELECT 1 AS id',
      'SET ROLE colophon_owner',
    ];
    // A view of joins can't be written through at all, and who has no right is told that first.
    const views = ["UPDATE colophon.changes SET operation = 'x'", 'DELETE FROM colophon.changes'];
    for (const role of [consumer, reader, as(url, 'colophon_retention'), as(url, 'app')]) {
      expect(await outcomes(role, statements), new URL(role).username).toEqual(
        Object.fromEntries(statements.map((statement) => [statement, '42501'])),
      );
      for (const code of Object.values(await outcomes(role, views)))
        expect(['42501', '55000']).toContain(code);
    }
  });

  it('lets each read and call only what it needs', async () => {
    const refused: [string, string][] = [
      [consumer, 'SELECT FROM colophon.changes'],
      [consumer, 'SELECT FROM colophon.change_records'],
      [consumer, 'SELECT FROM colophon.segments'],
      [consumer, 'SELECT FROM todo'],
      [consumer, 'SELECT FROM colophon.baseline'],
      [consumer, 'SELECT FROM colophon.unstored'],
      [consumer, "SELECT colophon.drop_oldest_month('1 day', null)"],
      [consumer, "SELECT colophon.delete_from_default('1 day', null)"],
      [reader, 'INSERT INTO colophon.segments DEFAULT VALUES'],
      [reader, "SELECT colophon.open_source('a', 'b', 'c', 'd', 'e')"],
      [reader, "SELECT nextval('colophon.change_seq')"],
      [reader, 'SELECT FROM todo'],
      [as(url, 'colophon_retention'), 'SELECT FROM colophon.changes'],
      [as(url, 'colophon_retention'), 'SELECT colophon.make_partitions()'],
      [as(url, 'app'), 'SELECT FROM colophon.changes'],
    ];
    for (const [role, statement] of refused) {
      expect(await outcome(role, statement), `${new URL(role).username}: ${statement}`).toBe('42501');
    }
    // Nothing is there that the list of rights doesn't know.
    const made = await sql(
      url,
      `SELECT relname AS name FROM pg_class c WHERE relnamespace = 'colophon'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
         AND relname !~ '_\\d{4}_\\d{2}$' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'i' AND c.relkind = 'S')
       UNION SELECT proname FROM pg_proc WHERE pronamespace = 'colophon'::regnamespace`,
    );
    const known = [
      ...Object.values(STORE_RIGHTS).flatMap((rights) => rights.map(({ name }) => name)),
      ...OWNER_ONLY,
    ];
    expect(made.map(({ name }) => name as string).filter((name) => !known.includes(name))).toEqual([]);
    // Whatever the caller's search path holds, the owner's functions don't look there.
    expect(
      await sql(
        url,
        `SELECT proname FROM pg_proc WHERE pronamespace = 'colophon'::regnamespace AND prosecdef
           AND NOT coalesce(proconfig::text LIKE '%search_path=pg_catalog, pg_temp%', false)`,
      ),
    ).toEqual([]);
    expect(
      await sql(
        url,
        `SELECT proname FROM pg_proc p WHERE pronamespace = 'colophon'::regnamespace
           AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0)`,
      ),
    ).toEqual([]);
  });

  it('run notes gaps, and init makes a lost slot anew, with these rights', async () => {
    await sql(as(url, 'app'), "UPDATE todo SET title = 'skipped'");
    await sql(url, "SELECT pg_replication_slot_advance('colophon', pg_current_wal_lsn())");
    expect((await succeed('run', '--once', '--source', consumer)).stderr).toContain('(slot-ahead)');
    await sql(url, "SELECT pg_drop_replication_slot('colophon')");
    const { stderr } = await succeed('init', '--source', consumer, '--tables', 'todo,event', '--yes');
    expect(stderr).toContain('(slot-recreated)');
    await succeed('run', '--once', '--source', consumer);
    const { stdout } = await succeed('status', '--source', reader, '--json');
    const { gaps } = JSON.parse(stdout);
    expect(gaps.map(({ reason }: { reason: string }) => reason)).toEqual(['slot-ahead', 'slot-recreated']);
  });

  it('snapshot goes with SELECT on the tables, and reads no record', async () => {
    const refused = await colophon(['snapshot', '--source', consumer]);
    expect(refused, refused.stderr).toMatchObject({ code: 1 });
    expect(refused.stderr).toMatch(/\[PRIVILEGE_MISSING\]\s*$/);
    await sql(admin, 'INSERT INTO event VALUES (7)');
    await succeed('role', 'consumer', '--for-snapshot', '--source', admin);
    await succeed('snapshot', '--source', consumer);
    expect(await sql(reader, 'SELECT "table", "partition" FROM colophon.baseline ORDER BY 1')).toEqual([
      { table: 'event', partition: 'event_1' },
      { table: 'todo', partition: null },
    ]);
    expect(await outcome(consumer, 'SELECT FROM colophon.baseline_rows')).toBe('42501');
    await sql(
      admin,
      'REVOKE SELECT ON todo, event_1 FROM colophon_consumer',
      'REVOKE USAGE ON SCHEMA public FROM colophon_consumer',
    );
  });

  it('and so is REPLICATION, for the consumer alone', async () => {
    await sql(url, 'ALTER ROLE colophon_consumer NOREPLICATION');
    const { code, stderr } = await colophon(['run', '--once', '--source', consumer]);
    expect(code).toBe(1);
    expect(stderr.trim().split('\n').at(-1)).toMatch(/REPLICATION.*\[PRIVILEGE_MISSING\]$/);
    await sql(url, 'ALTER ROLE colophon_consumer REPLICATION');
    const { stdout } = await succeed('run', '--once', '--source', consumer);
    expect(stdout).toBe('');
    expect(await sql(url, "SELECT rolreplication FROM pg_roles WHERE rolname = 'colophon_reader'")).toEqual([
      { rolreplication: false },
    ]);
  });

  // What each major does where a right lacks is the same.
  if (major === 18) {
    it("each of the consumer's rights is needed: without it the error names the GRANT", async () => {
      const source = new FakeSource();
      await consumeWholly(consumer, source);
      for (const right of STORE_RIGHTS.consumer) {
        const grant = await revoke(right, 'colophon_consumer');
        // Of what is larger than 256 MiB; of what may also stay.
        const calls: Readonly<Record<string, string>> = {
          keep_unstored: `SELECT colophon.keep_unstored(${Array(14).fill('NULL').join(', ')})`,
          forget_nonces: "SELECT colophon.forget_nonces(NULL, '1 day')",
        };
        const call = calls[right.name];
        if (call !== undefined) expect(await outcome(consumer, call)).toBe('42501');
        else {
          await expect(consumeWholly(consumer, source), grant).rejects.toMatchObject({
            code: 'PRIVILEGE_MISSING',
            message: expect.stringContaining(grant),
          });
        }
        await sql(admin, grant);
      }
      await consumeWholly(consumer, source);
    });

    it('and the command says it in one line', async () => {
      for (const [name, ...command] of [
        ['change_records', 'run', '--once'],
        ['open_source', 'run', '--once'],
        ['positions', 'status'],
      ] as const) {
        const grant = await revoke(
          STORE_RIGHTS.consumer.find((right) => right.name === name)!,
          'colophon_consumer',
        );
        await sql(as(url, 'app'), "UPDATE todo SET title = title || '.'");
        const { code, stderr } = await colophon([...command, '--source', consumer]);
        const line = stderr.trim().split('\n').at(-1);
        expect({ code, line }, grant).toMatchObject({
          code: 1,
          line: expect.stringMatching(/^colophon: .*\[PRIVILEGE_MISSING\]$/),
        });
        expect(line).toContain(grant);
        await sql(admin, grant);
      }
      await succeed('run', '--once', '--source', consumer);
    });

    it("so is each of the reader's", async () => {
      // What is there for SQL alone.
      const asked: Readonly<Record<string, string>> = {
        changes: 'SELECT FROM colophon.changes',
        ddl: 'SELECT FROM colophon.ddl',
        unstored: 'SELECT FROM colophon.unstored',
        retentions: 'SELECT FROM colophon.retentions',
        is_in_baseline: `SELECT FROM colophon.baseline b
        WHERE colophon.is_in_baseline(1, '0/1', 1, b.timeline, b.low_lsn, b.high_lsn, b.snapshot)`,
      };
      await readWholly(reader);
      for (const right of STORE_RIGHTS.reader) {
        const statement = asked[right.name];
        if (statement !== undefined) expect(await outcome(reader, statement)).toBe('ok');
        const grant = await revoke(right, 'colophon_reader');
        if (statement !== undefined) expect(await outcome(reader, statement), grant).toBe('42501');
        else {
          await expect(readWholly(reader), grant).rejects.toMatchObject({
            code: 'PRIVILEGE_MISSING',
            message: expect.stringContaining(grant),
          });
        }
        await sql(admin, grant);
      }
    });

    it("and each of retention's", async () => {
      await sql(
        url,
        'SET ROLE colophon_owner',
        ...['segments', 'change_records'].map(
          (parent) => `CREATE TABLE colophon.${parent}_2020_01 PARTITION OF colophon.${parent}
          FOR VALUES FROM ('2020-01-01Z') TO ('2020-02-01Z')`,
        ),
      );
      const role = as(url, 'colophon_retention');
      const wish = { keep: '400 days', maxBytes: null, ignoring: [] };
      const retain = async () => {
        const store = await openStore(role);
        try {
          await store.planRetention(wish);
          await store.applyRetention(wish);
        } finally {
          await store.close();
        }
      };
      for (const right of STORE_RIGHTS.retention) {
        const grant = await revoke(right, 'colophon_retention');
        if (right.name === 'retentions') {
          expect(await outcome(role, 'SELECT FROM colophon.retentions')).toBe('42501');
        } else if (right.on !== 'FUNCTION') {
          await expect(retain(), grant).rejects.toMatchObject({ code: 'PRIVILEGE_MISSING' });
        } else {
          await expect(retain(), grant).rejects.toMatchObject({
            code: 'PRIVILEGE_MISSING',
            message: expect.stringContaining(grant),
          });
        }
        await sql(admin, grant);
      }
      await retain();
      expect(await sql(role, 'SELECT part FROM colophon.retentions')).toEqual([{ part: '2020_01' }]);
    });
  }

  it('drop by the administrator takes all away but the roles', async () => {
    await succeed('drop', '--source', admin, '--store-too', '--every-source', '--yes');
    expect(await sql(url, "SELECT to_regnamespace('colophon') AS schema")).toEqual([{ schema: null }]);
    await sql(url, 'DROP ROLE colophon_consumer, colophon_reader, colophon_retention, colophon_owner');
  });
});
