import {
  createDatabase,
  dropDatabase,
  launchPostgres,
  type PostgresServer,
  startProxy,
} from '@colophon/testkit';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { sql } from '../cli/catalog-snapshot.js';
import { startColophon } from '../cli/colophon.js';
import { type Major, nativeDir } from '../embedded-postgres.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';
import { listenFlag, metrics, page, until } from './pages.js';

const MIB = 2 ** 20;
const MAJORS: Major[] = [14, 18];

describe.each(MAJORS)('on PostgreSQL %i', (major) => {
  let server: PostgresServer;
  let busy: string;

  beforeAll(async () => {
    server = await launchPostgres({ native: nativeDir(major) });
    busy = await createDatabase(server.url());
    await sql(busy, 'CREATE TABLE busy (n int, filler text)');
  });
  afterAll(() => server.stop());

  /** About 25 MiB of WAL in a database that nobody audits. */
  const writeElsewhere = () =>
    sql(busy, `INSERT INTO busy SELECT g, repeat('x', 200) FROM generate_series(1, 80000) g`);

  const slotOf = async ({ slot }: TrackedDatabase) => {
    const [row] = await sql(
      server.url(),
      `SELECT pg_current_wal_lsn() - restart_lsn AS retained, pg_current_wal_lsn() - confirmed_flush_lsn AS lag,
         confirmed_flush_lsn - '0/0' AS confirmed FROM pg_replication_slots WHERE slot_name = '${slot}'`,
    );
    return { retained: Number(row?.retained), lag: Number(row?.lag), confirmed: Number(row?.confirmed) };
  };
  const flushesOf = async ({ storeUrl, slot }: TrackedDatabase) =>
    (
      await sql(
        storeUrl,
        `SELECT p.version, p.changes FROM colophon.positions p JOIN colophon.sources s ON s.id = p.source_id WHERE s.slot = '${slot}'`,
      )
    )[0];

  /** An idle database with a consumer. `storeUrl`: default the database itself. */
  async function startIdle(storeUrl?: string) {
    const source = await trackDatabase(
      server.url(),
      'CREATE TABLE todo (id int PRIMARY KEY); CREATE TABLE untracked (filler text)',
      { tables: 'todo', ...(storeUrl === undefined ? {} : { storeUrl }) },
    );
    const run = startColophon(['run', ...source.args]);
    await run.said('Reading');
    await source.client.query('INSERT INTO todo VALUES (1)');
    const before = await until(
      () => flushesOf(source),
      (row) => row?.changes === '1',
    );
    return { source, run, before, last: await slotOf(source) };
  }

  it('idle databases keep no WAL while another one writes a lot, whether the store is in the source or elsewhere', {
    timeout: 240_000,
  }, async () => {
    const storeUrl = await createDatabase(inject('serverUrl'));
    const idle = [await startIdle(), await startIdle(storeUrl)];
    const rounds = [
      () => writeElsewhere(),
      () =>
        idle[0]!.source.client.query(
          `INSERT INTO untracked SELECT repeat('y', 200) FROM generate_series(1, 80000)`,
        ),
    ];
    for (const write of rounds) {
      await write();
      // Says which transactions run: only from there on can the server let go.
      await sql(server.url(), 'CHECKPOINT');
      for (const one of idle) {
        const settled = await until(
          () => slotOf(one.source),
          ({ lag, retained }) => lag < MIB && retained < MIB,
          60_000,
        );
        expect(settled.confirmed - one.last.confirmed).toBeGreaterThan(15 * MIB);
        one.last = settled;
      }
    }
    for (const { source, run, before } of idle) {
      // What is written for nothing is itself WAL: once a mebibyte of it, and once when it is quiet again.
      const after = await flushesOf(source);
      expect(after?.changes).toBe(before?.changes);
      expect(Number(after?.version) - Number(before?.version)).toBeLessThan(100);
      await source.client.query('INSERT INTO todo VALUES (2)');
      await until(
        () => flushesOf(source),
        (row) => row?.changes === '2',
      );
      run.child.kill('SIGTERM');
      const { code, stderr } = await run.finished;
      expect(code).toBe(0);
      expect(stderr).not.toContain('WAL');
      await sql(server.url(), `SELECT pg_drop_replication_slot('${source.slot}')`);
      await source.drop();
    }
    await dropDatabase(storeUrl);
  });

  it('warns once a crossing of --warn-retained, from a consumer that tries again as from one that waits', {
    timeout: 240_000,
  }, async () => {
    const server2 = new URL(inject('serverUrl'));
    const proxy = await startProxy({ host: server2.hostname, port: Number(server2.port) });
    const storeUrl = await createDatabase(server2.href);
    const source = await trackDatabase(server.url(), 'CREATE TABLE todo (id int PRIMARY KEY)', {
      tables: 'todo',
      storeUrl,
    });
    const [one, two] = [await listenFlag(), await listenFlag()];
    const args = ['run', ...source.args, '--log', 'json', '--warn-retained', '20MB'];
    const spare = async () => {
      const started = startColophon([...args, ...two.flag]);
      await started.said('waiting for it');
      return started;
    };
    const first = startColophon([...args, '--store', proxy.url(storeUrl), ...one.flag]);
    await first.said('"Reading');
    const waiting = await spare();
    // The network is dead, the connections are open: the first keeps the slot, and stores nothing.
    proxy.pause();
    await source.client.query('INSERT INTO todo VALUES (1)');
    await writeElsewhere();
    await Promise.all([first.said('WAL_RETAINED'), waiting.said('WAL_RETAINED')]);
    for (const { port } of [one, two]) {
      for (let look = 0; look < 5; look++) await page(port, '/metrics');
      const samples = await metrics(port);
      expect(samples.get('colophon_errors_total{code="WAL_RETAINED"}')).toBe(1);
      expect(samples.get('colophon_retained_wal_bytes')).toBeGreaterThan(20 * MIB);
    }
    waiting.child.kill('SIGTERM');
    const told = (await waiting.finished).stderr.split('\n').filter((line) => line.includes('WAL_RETAINED'));
    expect(told).toHaveLength(1);
    const line = JSON.parse(told[0]!);
    expect(line).toMatchObject({ level: 'warn', code: 'WAL_RETAINED', slot: source.slot });
    expect(line.retainedBytes).toBeGreaterThan(20 * MIB);
    expect(line.msg).toContain('Another consumer (backend process ');
    expect(line.msg).toContain('colophon drop');

    proxy.resume();
    await sql(server.url(), 'CHECKPOINT');
    await until(
      () => metrics(one.port),
      (samples) => (samples.get('colophon_retained_wal_bytes') ?? Number.POSITIVE_INFINITY) < MIB,
      60_000,
    );
    // And now the store is gone for good: it tries again, and warns all the same.
    proxy.refuse(true);
    proxy.cut();
    await source.client.query('INSERT INTO todo VALUES (2)');
    await first.said('trying again');
    await writeElsewhere();
    await first.said('"code":"WAL_RETAINED"', 'stderr', 2);
    proxy.refuse(false);
    await until(
      () => metrics(one.port),
      (samples) => samples.get('colophon_changes_total') === 2,
    );
    first.child.kill('SIGTERM');
    expect(await first.finished).toMatchObject({ code: 0 });
    await sql(server.url(), `SELECT pg_drop_replication_slot('${source.slot}')`);
    await source.drop();
    await proxy.close();
    await dropDatabase(storeUrl);
  });
});
