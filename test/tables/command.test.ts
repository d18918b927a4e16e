import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openStore } from '@colophon/store';
import { launchPostgres, type PostgresServer } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { colophon, type Running, startColophon } from '../cli/colophon.js';
import { type Major, nativeDir } from '../embedded-postgres.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';

const MAJORS: Major[] = process.env.PG_MAJOR ? [Number(process.env.PG_MAJOR) as Major] : [14, 18];

/** Updates and inserts without a pause, until it is told to end; rejects with the first that fails. */
function busyWriter(url: string, table: string, from: number): { end(): Promise<number> } {
  const client = new pg.Client({ connectionString: url });
  let isEnded = false;
  const writing = (async () => {
    await client.connect();
    let rows = 0;
    try {
      for (; !isEnded; rows++) {
        await client.query(`INSERT INTO ${table} VALUES ($1, 0)`, [from + rows]);
        await client.query(`UPDATE ${table} SET v = v + 1 WHERE id = $1`, [from + rows]);
      }
    } finally {
      await client.end();
    }
    return rows;
  })();
  writing.catch(() => {});
  return {
    end: () => {
      isEnded = true;
      return writing;
    },
  };
}

describe.each(MAJORS)('colophon tables on PostgreSQL %i', (major) => {
  let server: PostgresServer;
  let database: TrackedDatabase;
  // With event triggers that tell of the publication, and without.
  const hasDdl = major === 18;

  beforeAll(async () => {
    server = await launchPostgres({ native: nativeDir(major) });
    database = await trackDatabase(
      server.url(),
      `CREATE TABLE todo (id int PRIMARY KEY, v int); CREATE TABLE late (id int PRIMARY KEY, v int);
       CREATE TABLE other (a int NOT NULL UNIQUE, v int); ALTER TABLE other REPLICA IDENTITY USING INDEX other_a_key;
       CREATE SCHEMA sales; CREATE TABLE sales."order" (id int PRIMARY KEY); CREATE TABLE sales.tmp_1 (id int PRIMARY KEY);
       CREATE TABLE sales.part (id int PRIMARY KEY, v int) PARTITION BY LIST (id);
       CREATE TABLE sales.part_1 PARTITION OF sales.part FOR VALUES IN (1);
       CREATE UNLOGGED TABLE light (id int); CREATE VIEW seen AS SELECT 1 AS id`,
      { tables: 'todo', flags: hasDdl ? [] : ['--no-ddl'] },
    );
  }, 60_000);
  afterAll(async () => {
    await database.drop();
    await server.stop();
  });

  const tables = (...more: string[]) => colophon(['tables', ...more, ...database.args]);
  const stored = async (table: string) =>
    (
      await database.client.query(
        `SELECT count(*)::int AS changes, count(*) FILTER (WHERE operation = 'UPDATE' AND before <> '{}')::int AS whole
           FROM colophon.changes WHERE "table" = $1`,
        [table],
      )
    ).rows[0];
  const identity = async (table: string) =>
    (await database.client.query('SELECT relreplident AS i FROM pg_class WHERE oid = $1::regclass', [table]))
      .rows[0].i;

  /** A consumer that reads; it may not outlive its test. */
  async function consumer(): Promise<Running & { stop(): Promise<string> }> {
    const run = startColophon(['run', ...database.args]);
    await run.said('Reading');
    const stop = async () => {
      run.child.kill('SIGTERM');
      const { code, stderr } = await run.finished;
      expect(code).toBe(0);
      return stderr;
    };
    return { ...run, stop };
  }

  it('tracks while the consumer runs and the application writes: every change from then on', async () => {
    const run = await consumer();
    const writer = busyWriter(database.url, 'late', 1_000_000);
    const tracked = await tables('track', 'late', 'sales.*', '!sales.tmp_*');
    expect(tracked).toMatchObject({ code: 0 });
    expect(tracked.stderr).toContain('Tracked: late, sales.order, sales.part.');
    await database.client.query(
      'INSERT INTO late SELECT i, 0 FROM generate_series(1, 500) i; UPDATE late SET v = 9 WHERE id <= 500',
    );
    await database.client.query('INSERT INTO sales.part VALUES (1, 1); UPDATE sales.part SET v = 2');
    expect(await writer.end()).toBeGreaterThan(10);
    const { rows } = await database.client.query('SELECT max(id) AS last FROM late');
    await vi.waitFor(
      async () => {
        const found = await database.client.query(
          `SELECT FROM colophon.changes WHERE "table" = 'late' AND primary_key = $1 AND operation = 'UPDATE'`,
          [String(rows[0].last)],
        );
        expect(found.rowCount).toBeGreaterThan(0);
      },
      { timeout: 20_000, interval: 50 },
    );
    await run.stop();
    const own = await database.client.query(
      `SELECT operation, count(*)::int AS n FROM colophon.changes WHERE "table" = 'late' AND length(primary_key) < 4 GROUP BY 1 ORDER BY 1`,
    );
    expect(own.rows).toEqual([
      { operation: 'CREATE', n: 500 },
      { operation: 'UPDATE', n: 500 },
    ]);
    // Whatever was stored of the other writer has no hole: from its first change on each one.
    const theirs = await database.client.query(
      `SELECT count(*)::int AS n, max(primary_key::int) - min(primary_key::int) + 1 AS width FROM colophon.changes
        WHERE "table" = 'late' AND length(primary_key) > 4 AND operation = 'CREATE'`,
    );
    expect(theirs.rows[0].n).toBe(theirs.rows[0].width);
    expect((await stored('part')).whole).toBe(1);
    expect((await tables('track', 'late', 'sales.*', '!sales.tmp_*')).stderr).toContain(
      'Nothing had to be changed.',
    );
  });

  it('untracks likewise: nothing from then on, its identity put back, a gap that says who meant it, and no alarm', async () => {
    await tables('track', 'other');
    expect(await identity('other')).toBe('f');
    // Without event triggers a consumer knows of what it has seen: here as it begins.
    const run = await consumer();
    expect((await tables('untrack', 'late', 'other')).stderr).toMatch(
      /nobody to ask.*--yes.*\[INVALID_OPTION\]/,
    );
    const writer = busyWriter(database.url, 'late', 2_000_000);
    expect(await tables('untrack', 'late', 'other', '--yes')).toMatchObject({ code: 0 });
    await writer.end();
    expect([await identity('late'), await identity('other')]).toEqual(['d', 'i']);
    await database.client.query(
      'INSERT INTO late VALUES (5000, 1); UPDATE other SET v = 1; INSERT INTO todo VALUES (1, 1)',
    );
    if (hasDdl) await run.said('No longer tracked: public.late (colophon tables untrack as postgres)');
    expect(await run.stop()).not.toContain('Gap in the audit');
    await database.once();
    const after = await database.client.query(
      `SELECT FROM colophon.changes WHERE "table" = 'late' AND primary_key = '5000'`,
    );
    expect(after.rowCount).toBe(0);
    const store = await openStore(database.storeUrl);
    const gaps = await store.gaps();
    await store.close();
    expect(gaps.map((gap) => [gap.reason, gap.tables, gap.approvedBy]).sort()).toEqual([
      ['publication-changed', ['public.late'], 'colophon tables untrack as postgres'],
      ['publication-changed', ['public.other'], 'colophon tables untrack as postgres'],
    ]);
    const doctor = await colophon(['doctor', ...database.args, '--json']);
    expect(doctor.stdout).toMatch(/"name":"gaps","verdict":"ok",.*"message":"none"/);
    expect((await tables('untrack', 'late', '--yes')).stderr).toContain("late isn't tracked");
  });

  it('refuses what would be wrong, before anything is changed', async () => {
    const refused = async (text: RegExp, ...more: string[]) =>
      expect((await tables(...more)).stderr).toMatch(text);
    await refused(/matches nothing\.\*.*\[TABLE_MISSING\]/, 'track', 'nothing.*');
    await refused(/No such table.*nope.*\[TABLE_MISSING\]/, 'track', 'nope');
    await refused(/light can't be tracked: it is unlogged.*\[TABLE_UNSUITABLE\]/, 'track', 'light');
    await refused(/through sales\.part.*\[TABLE_UNSUITABLE\]/, 'untrack', 'sales.part_1', '--yes');
    await refused(/Which tables\?.*\[INVALID_OPTION\]/, 'track');
    await refused(/got "trakc".*\[INVALID_OPTION\]/, 'trakc', 'todo');
    await refused(/--new-tables is auto or manual, got "some"/, '--new-tables', 'some');
    const { stdout } = await tables('track', 'late', '--dry-run');
    expect(stdout).toContain('REPLICA IDENTITY FULL');
    expect(await identity('late')).toBe('d');
  });

  it('leaves a locked table alone, says so, and goes on with it later', async () => {
    const reader = new pg.Client({ connectionString: database.url });
    await reader.connect();
    await reader.query('BEGIN; SELECT FROM sales."order"');
    const locked = await tables('untrack', 'sales.*', '--yes');
    expect(locked.stderr).toMatch(/order.*pg_stat_activity.*\[LOCK_TIMEOUT\]/);
    expect(await identity('sales.part_1')).toBe('d');
    await reader.query('COMMIT');
    await reader.end();
    expect(await tables('untrack', 'sales.*', '--yes')).toMatchObject({ code: 0 });
    expect(await identity('sales."order"')).toBe('d');
  });

  it('lists every table, for people and for programs', async () => {
    await tables('track', 'sales.part', 'other');
    await database.client.query('UPDATE other SET v = 2; INSERT INTO other VALUES (1, 1)');
    await database.once();
    const { stdout, stderr, code } = await tables();
    expect(code).toBe(0);
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(stdout).toMatch(/^TABLE +TRACKED +IDENTITY +SIZE +A DAY +NAMED$/m);
    expect(stdout).toMatch(/^other +yes +FULL +\S+ KiB +1 +0 %$/m);
    expect(stdout).toMatch(/^light +no +DEFAULT .*\n {2}light can't be tracked: it is unlogged/m);
    expect(stdout).toMatch(/^sales\.part +yes .*\n {2}1 partition$/m);
    expect(stdout).not.toMatch(/part_1|seen|colophon\./);
    expect(stderr).toContain('New tables: manual');
    const config = path.join(os.tmpdir(), `colophon-tables-${process.pid}-${major}.json`);
    fs.writeFileSync(
      config,
      '{"redact": {"tables": {"todo": {"id": "drop"}}}, "columns": {"ignore": ["*.v"]}}',
    );
    const ruled = await tables('--config', config);
    fs.rmSync(config);
    expect(ruled.stdout).toMatch(/^todo +yes .*\n {2}columns: id drop, v ignore$/m);
    const json = (await tables('--json')).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(json.find(({ table }) => table === 'other')).toMatchObject({
      schema: 'public',
      tracked: true,
      obstacle: null,
      replica_identity: 'full',
      changes_24h: 1,
      named_24h: 0,
      is_estimate: false,
      columns: {},
    });
    expect(json.map(({ table }) => table)).toEqual([
      'late',
      'light',
      'other',
      'todo',
      'order',
      'part',
      'tmp_1',
    ]);
  });
});
