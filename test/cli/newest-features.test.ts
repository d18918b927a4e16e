import { createDatabase, dropDatabase, launchPostgres, type PostgresServer } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { nativeDir } from '../embedded-postgres.js';
import { sql } from './catalog-snapshot.js';
import { colophon, startColophon } from './colophon.js';

describe.each([16, 17, 18] as const)('on PostgreSQL %i', (major) => {
  let server: PostgresServer;
  let url: string;
  let slot: string;
  let names: string[];
  let counter = 0;

  beforeAll(async () => {
    server = await launchPostgres({ native: nativeDir(major) });
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    url = await createDatabase(server.url());
    slot = `newest_${counter++}`;
    names = ['--source', url, '--slot', slot];
  });
  afterEach(async () => {
    await sql(
      url,
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_type = 'physical'`,
    );
    await dropDatabase(url);
  });

  const init = async (...args: string[]) => {
    expect(await colophon(['init', ...names, '--tables', 't', '--yes', ...args])).toMatchObject({ code: 0 });
  };
  const doctor = async (check: string): Promise<{ verdict: string; message: string; remedy: string }[]> => {
    const { stdout } = await colophon(['doctor', ...names, '--json']);
    const checks = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    return checks.filter(({ name }) => name === check);
  };
  /** As jsonb: servers before 17 have no such column. */
  const isFailover = async () =>
    (
      await sql(
        url,
        `SELECT to_jsonb(s) -> 'failover' AS failover FROM pg_replication_slots s WHERE slot_name = '${slot}'`,
      )
    )[0]!.failover;
  const changes = () => sql(url, 'SELECT operation, before, after FROM colophon.changes ORDER BY seq');
  const waitEvent = async () =>
    (
      await sql(
        url,
        `SELECT wait_event FROM pg_stat_activity WHERE backend_type = 'walsender' AND datname = current_database()`,
      )
    )[0]?.wait_event;
  const settings = async (...commands: string[]) => {
    for (const command of commands) await sql(url, command);
    await sql(url, 'SELECT pg_reload_conf()');
  };

  it('init makes a failover slot where there is such a thing, and an ordinary one when told', async () => {
    await sql(url, 'CREATE TABLE t (id int PRIMARY KEY)');
    await init();
    expect(await isFailover()).toBe(major >= 17 ? true : null);
    expect(await doctor('failover')).toMatchObject(major >= 17 ? [{ verdict: 'ok' }] : []);
    expect(await colophon(['drop', ...names, '--yes'])).toMatchObject({ code: 0 });
    await init('--no-failover');
    expect(await isFailover()).toBe(major >= 17 ? false : null);
    await sql(url, 'INSERT INTO t VALUES (1)');
    expect(await colophon(['run', ...names, '--once'])).toMatchObject({ code: 0 });
    expect(await changes()).toHaveLength(1);
  });

  it('doctor tells of a slot that no standby would keep, and what it says to do helps', async () => {
    await sql(url, 'CREATE TABLE t (id int PRIMARY KEY)');
    await init('--no-failover');
    expect(await doctor('failover')).toEqual([]);
    await sql(url, `SELECT pg_create_physical_replication_slot('a_standby')`);
    const [check] = await doctor('failover');
    expect(check).toMatchObject({ verdict: 'warn', message: expect.stringContaining('a_standby') });
    if (major < 17) return;
    const command = /-c '(.*)'$/.exec(check!.remedy)![1]!;
    const client = new pg.Client({ connectionString: url, replication: 'database' } as pg.ClientConfig);
    await client.connect();
    await client.query(command);
    await client.end();
    expect(await isFailover()).toBe(true);
    expect(await doctor('failover')).toMatchObject([{ verdict: 'ok' }]);
  });

  if (major >= 17)
    it('doctor tells of a standby that is waited for, and nothing is lost meanwhile', async () => {
      await sql(url, 'CREATE TABLE t (id int PRIMARY KEY)');
      await init();
      await sql(url, `SELECT pg_create_physical_replication_slot('a_standby')`);
      await settings(`ALTER SYSTEM SET synchronized_standby_slots = 'a_standby'`);
      const run = startColophon(['run', ...names]);
      try {
        await sql(url, 'INSERT INTO t VALUES (1)');
        expect(await doctor('failover')).toMatchObject([
          { verdict: 'warn', message: expect.stringMatching(/a_standby \(nobody follows by it\)/) },
        ]);
        await until(async () => (await waitEvent()) === 'WaitForStandbyConfirmation');
        expect(await changes()).toEqual([]);
      } finally {
        await settings('ALTER SYSTEM RESET synchronized_standby_slots');
      }
      await until(async () => (await changes()).length > 0);
      run.child.kill('SIGTERM');
      expect(await run.finished).toMatchObject({ code: 0 });
      expect(await changes()).toMatchObject([{ operation: 'CREATE', after: { id: 1 } }]);
    });

  it('stored generated columns are in the records as to_jsonb has them from 18 on, wherever they stand', async () => {
    await sql(
      url,
      `CREATE TABLE t (gone int, early int GENERATED ALWAYS AS (id * 2) STORED, id int, a text, also_gone text,
         middle text GENERATED ALWAYS AS (a || '!') STORED, b jsonb, PRIMARY KEY (id));
       ALTER TABLE t DROP COLUMN gone, DROP COLUMN also_gone`,
    );
    await init();
    const rows: unknown[] = [];
    const write = async (statement: string) =>
      rows.push((await sql(url, `${statement} RETURNING to_jsonb(t) AS row`))[0]!.row);
    await write(`INSERT INTO t (id, a, b) VALUES (1, 'one', '{"x": 1.50}')`);
    await write(`UPDATE t SET a = 'two'`);
    await sql(url, 'ALTER TABLE t ADD COLUMN late numeric GENERATED ALWAYS AS (id / 7.0) STORED');
    const [rewritten] = await sql(url, 'SELECT to_jsonb(t) AS row FROM t');
    await write(`UPDATE t SET a = 'three', id = 2`);
    await sql(url, 'DELETE FROM t');
    expect(await colophon(['run', ...names, '--once'])).toMatchObject({ code: 0 });
    const seen = (row: unknown) => {
      const { early, middle, late, ...plain } = row as Record<string, unknown>;
      return major >= 18 ? row : plain;
    };
    expect(await changes()).toEqual([
      { operation: 'CREATE', before: {}, after: seen(rows[0]) },
      { operation: 'UPDATE', before: seen(rows[0]), after: seen(rows[1]) },
      { operation: 'UPDATE', before: seen(rewritten!.row), after: seen(rows[2]) },
      { operation: 'DELETE', before: seen(rows[2]), after: {} },
    ]);
  });

  if (major >= 18)
    it('init mends a publication that leaves generated columns out; doctor tells of it', async () => {
      await sql(
        url,
        'CREATE TABLE t (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED, v text)',
      );
      await init();
      await sql(
        url,
        'ALTER PUBLICATION colophon SET (publish_generated_columns = none); INSERT INTO t VALUES (1)',
      );
      await expect(sql(url, `UPDATE t SET v = 'x'`)).rejects.toMatchObject({ code: '42P10' });
      expect(await doctor('publication')).toMatchObject([
        { verdict: 'fail', message: expect.stringContaining('publish_generated_columns') },
      ]);
      await init();
      await sql(url, `UPDATE t SET v = 'x'`);
      expect(await doctor('publication')).toMatchObject([{ verdict: 'ok' }]);
    });

  if (major >= 18)
    it('doctor tells of idle_replication_slot_timeout', async () => {
      await sql(url, 'CREATE TABLE t (id int PRIMARY KEY)');
      await init();
      await settings(`ALTER SYSTEM SET idle_replication_slot_timeout = '1d'`);
      try {
        expect(await doctor('wal retention')).toMatchObject([
          { verdict: 'warn', message: expect.stringMatching(/idle_replication_slot_timeout is 86400 s/) },
        ]);
      } finally {
        await settings('ALTER SYSTEM RESET idle_replication_slot_timeout');
      }
      expect((await doctor('wal retention'))[0]!.message).not.toContain('idle_replication_slot_timeout');
    });
});

/** Asks until it is so; the test's timeout ends it. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 50));
}
