import { launchPostgres, type PostgresServer } from '@colophon/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Major, nativeDir } from '../embedded-postgres.js';
import { catalogSnapshot, sql } from './catalog-snapshot.js';
import { colophon, startColophon } from './colophon.js';

const MAJORS: Major[] = [14, 18];

describe.each(MAJORS)('on PostgreSQL %i', (major) => {
  let server: PostgresServer;
  let url: string;
  let env: Record<string, string>;
  let before: string;

  beforeAll(async () => {
    server = await launchPostgres({ native: nativeDir(major) });
    url = server.url();
    env = { DATABASE_URL: url, TZ: 'UTC' };
    await sql(
      url,
      `CREATE TABLE todo (id int PRIMARY KEY, title text, done boolean DEFAULT false);
       CREATE SCHEMA other;
       CREATE TABLE other."Größe, alt" ("Id" bigint PRIMARY KEY, wert numeric);
       CREATE TABLE keyless (note text);
       CREATE TABLE indexed (a int NOT NULL UNIQUE, b text);
       ALTER TABLE indexed REPLICA IDENTITY USING INDEX indexed_a_key;
       CREATE TABLE part (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
       CREATE TABLE part_2025 PARTITION OF part FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
       CREATE TABLE part_2026 PARTITION OF part FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY RANGE (id);
       CREATE TABLE part_2026_low PARTITION OF part_2026 FOR VALUES FROM (0) TO (100);`,
    );
    before = await catalogSnapshot(url);
  });
  afterAll(() => server.stop());

  it('init sets up what is named, and says the same when it is run again', async () => {
    const args = ['init', '--tables', 'todo,other."Größe, alt",keyless,indexed,part'];
    const first = await colophon(args, { env });
    expect(first).toMatchObject({ code: 0, stdout: '' });
    const made = await catalogSnapshot(url);
    expect(made).not.toBe(before);
    expect(await colophon(args, { env })).toMatchObject({ code: 0 });
    expect(await catalogSnapshot(url)).toBe(made);
    const identities = await sql(
      url,
      `SELECT relname, relreplident FROM pg_class WHERE relname IN ('todo', 'Größe, alt', 'keyless', 'indexed', 'part', 'part_2025', 'part_2026_low') ORDER BY 1`,
    );
    expect(Object.fromEntries(identities.map((row) => [row.relname, row.relreplident]))).toEqual({
      'Größe, alt': 'f',
      indexed: 'f',
      keyless: 'f',
      part: 'd',
      part_2025: 'f',
      part_2026_low: 'f',
      todo: 'f',
    });
    expect(
      await sql(url, `SELECT tablename FROM pg_publication_tables WHERE pubname = 'colophon' ORDER BY 1`),
    ).toEqual(
      ['Größe, alt', 'indexed', 'keyless', 'part_2025', 'part_2026_low', 'todo'].map((tablename) => ({
        tablename,
      })),
    );
  });

  it('run --once stores what was written, with its context', async () => {
    await sql(
      url,
      `BEGIN; SELECT pg_logical_emit_message(true, 'colophon', '{"user":1,"endpoint":"PUT /todo/7"}');
       INSERT INTO todo VALUES (7, 'buy milk'); UPDATE todo SET done = true WHERE id = 7; COMMIT`,
      `BEGIN; SELECT pg_logical_emit_message(true, 'colophon', '{"user":"1"}');
       INSERT INTO other."Größe, alt" VALUES (9007199254740993, 12345678901234567890.10); COMMIT`,
      `INSERT INTO part VALUES (5, '2026-03-01')`,
      `TRUNCATE todo`,
    );
    const once = await colophon(['run', '--once', '--environment', 'test'], { env });
    expect(once).toMatchObject({ code: 0, stdout: '' });
    expect(once.stderr).toContain('Stored 5 changes of 4 transactions.');
  });

  it('log gives the columns of the contract, every digit, filtered', async () => {
    const json = async (...args: string[]) => {
      const { code, stdout } = await colophon(['log', '--json', ...args], { env });
      expect(code).toBe(0);
      return stdout.split('\n').filter((line) => line !== '');
    };
    const all = await json();
    expect(all.map((line) => JSON.parse(line).operation)).toEqual([
      'TRUNCATE',
      'CREATE',
      'CREATE',
      'UPDATE',
      'CREATE',
    ]);
    const columns = await sql(
      url,
      `SELECT column_name AS name FROM information_schema.columns WHERE table_schema = 'colophon' AND table_name = 'changes' ORDER BY ordinal_position`,
    );
    expect(Object.keys(JSON.parse(all[0]!))).toEqual(columns.map((row) => row.name));
    expect(JSON.parse(all.at(-1)!)).toMatchObject({
      table: 'todo',
      schema: 'public',
      primary_key: '7',
      context: { user: 1, endpoint: 'PUT /todo/7' },
      environment: 'test',
      after: { id: 7, title: 'buy milk', done: false },
    });
    const [exact] = await json('--table', 'other."Größe, alt"');
    expect(exact).toContain('9007199254740993');
    expect(exact).toContain('12345678901234567890.10');
    expect((await json('--table', 'todo', '--key', '7')).length).toBe(2);
    expect((await json('--table', 'todo', '--key', '{"id": 7}', '--operation', 'update')).length).toBe(1);
    expect((await json('--context', 'user=1')).length).toBe(2);
    expect((await json('--context', 'user="1"')).length).toBe(1);
    expect(
      (await json('--context', 'user=1', '--context', 'endpoint=PUT /todo/7', '--operation', 'CREATE'))
        .length,
    ).toBe(1);
    expect((await json('--context', 'user=2')).length).toBe(0);
    expect((await json('--limit', '2')).length).toBe(2);
    expect((await json('--since', '1h')).length).toBe(5);
    expect((await json('--until', '1h')).length).toBe(0);
    const at = JSON.parse(all[1]!).committed_at;
    expect((await json('--since', at)).map((line) => JSON.parse(line).seq)).toEqual(
      all.slice(0, 2).map((line) => JSON.parse(line).seq),
    );
    expect(await json('--reverse')).toEqual([...all].reverse());
  });

  it('log is a table of at most 80 columns for people, and colour only where it is wanted', async () => {
    const { stdout } = await colophon(['log'], { env });
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(stdout).toContain('done: false → true');
    expect(stdout).toContain('user: 1');
    expect(stdout).not.toContain('\x1b');
    expect((await colophon(['log'], { env: { ...env, FORCE_COLOR: '1' } })).stdout).toContain('\x1b[');
    expect(
      (await colophon(['log'], { env: { ...env, FORCE_COLOR: '1', NO_COLOR: '1' } })).stdout,
    ).not.toContain('\x1b');
  });

  it('run --sink ndjson gives the same records on standard output', async () => {
    await sql(url, `INSERT INTO todo VALUES (8, 'read')`);
    const { code, stdout } = await colophon(['run', '--once', '--sink', 'ndjson', '--name', 'app'], { env });
    expect(code).toBe(0);
    const records = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(records).toMatchObject([
      { source: 'app', table: 'todo', operation: 'CREATE', primary_key: '8', seq: null },
    ]);
  });

  it('status and doctor say how it is', async () => {
    const status = await colophon(['status', '--json'], { env });
    expect(status.code).toBe(0);
    expect(JSON.parse(status.stdout)).toMatchObject({
      source: { slot: 'colophon', slot_exists: true, slot_active: false, publication_exists: true },
      store: [{ source: 'postgres', environment: 'test', changes: 5 }],
    });
    const doctor = await colophon(['doctor', '--json'], { env });
    expect(doctor.code).toBe(0);
    const checks = doctor.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(checks.filter((check) => check.verdict === 'fail')).toEqual([]);
    expect(checks.find((check) => check.name === 'context').message).toBe(
      '3 of the latest 5 changes have a context; none of part',
    );
  });

  it('tail follows what run stores; both end well at a signal', async () => {
    const run = startColophon(['run', '--environment', 'test'], { env });
    await run.said('Reading postgres');
    const tail = startColophon(['tail', '--json', '--lines', '1'], { env });
    await tail.said('"TRUNCATE"', 'stdout');
    await sql(url, `INSERT INTO todo VALUES (9, 'followed')`);
    await tail.said('"followed"', 'stdout');
    tail.child.kill('SIGINT');
    run.child.kill('SIGTERM');
    const tailed = await tail.finished;
    expect(tailed).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(tailed.stdout.trim().split('\n').length).toBe(2);
    expect(await run.finished).toMatchObject({ code: 0, signal: null, stdout: '' });
  });

  it('log ends quietly when its reader has gone', async () => {
    const log = startColophon(['log', '--json'], { env });
    log.child.stdout?.destroy();
    expect(await log.finished).toMatchObject({ code: 0, stderr: '' });
  });

  it('drop puts everything back', async () => {
    expect(await colophon(['drop'], { env })).toMatchObject({ code: 1 });
    expect(await colophon(['drop', '--yes'], { env })).toMatchObject({ code: 0, stdout: '' });
    expect(await catalogSnapshot(url)).toBe(before);
    // The store stays, and again is no error.
    expect((await colophon(['log', '--json', '--limit', '1'], { env })).stdout).toContain('"todo"');
    expect(await colophon(['drop', '--yes', '--store-too'], { env })).toMatchObject({ code: 0 });
    expect(await sql(url, `SELECT 1 FROM pg_namespace WHERE nspname = 'colophon'`)).toEqual([]);
  });
});
