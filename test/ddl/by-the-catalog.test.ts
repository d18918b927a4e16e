import { createConsumer } from '@colophon/core';
import type { Gap } from '@colophon/protocol';
import { openStore, PostgresStore } from '@colophon/store';
import { launchPostgres, type PostgresServer } from '@colophon/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { colophon, startColophon } from '../cli/colophon.js';
import { type Major, nativeDir } from '../embedded-postgres.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';
import { until } from '../watch/pages.js';

const MAJORS: Major[] = process.env.PG_MAJOR ? [Number(process.env.PG_MAJOR) as Major] : [14, 18];

describe.each(MAJORS)('without event triggers, on PostgreSQL %i', (major) => {
  let server: PostgresServer;
  let database: TrackedDatabase;
  const sql = async (text: string) => (await database.client.query(text)).rows;
  /** Where the log is. */
  const here = async () =>
    BigInt((await sql("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS lsn"))[0].lsn);

  beforeAll(async () => {
    server = await launchPostgres({ native: nativeDir(major) });
    database = await trackDatabase(
      server.url(),
      'CREATE TABLE todo (id int PRIMARY KEY); CREATE TABLE "Other, one" (id int PRIMARY KEY)',
      { tables: 'todo,"Other, one"', flags: ['--no-ddl'] },
    );
    expect(await sql('SELECT FROM pg_event_trigger')).toEqual([]);
  });
  afterAll(async () => {
    await database.drop();
    await server.stop();
  });

  /** The gaps recorded since the last call. */
  let known = 0;
  async function gaps() {
    const store = await openStore(database.storeUrl);
    const found = await store.gaps();
    await store.close();
    const fresh = found.slice(known);
    known = found.length;
    return fresh.map(({ reason, tables, fromLsn, toLsn }) => ({ reason, tables, fromLsn, toLsn }));
  }

  it('a table taken out while the consumer is stopped is a gap from where it was last seen, until it is back', async () => {
    await database.once();
    expect(await gaps()).toEqual([]);
    const before = await here();
    await sql('INSERT INTO todo VALUES (1)');
    await sql('ALTER PUBLICATION colophon DROP TABLE todo');
    const out = await here();
    await sql('INSERT INTO todo VALUES (2)');
    const { stderr } = await colophon(['run', '--once', ...database.args]);
    expect(stderr).toContain(
      'Gap in the audit (publication-changed): Publication colophon no longer gives all changes of public.todo',
    );
    const [begun, ...more] = await gaps();
    expect(more).toEqual([]);
    expect(begun).toMatchObject({ reason: 'publication-changed', tables: ['public.todo'], toLsn: null });
    expect(begun!.fromLsn! <= out).toBe(true);
    // Nor from long before.
    expect(before - begun!.fromLsn! < 2n ** 20n).toBe(true);
    // Nothing new is said, nor recorded, while it stays so.
    const again = await colophon(['run', '--once', ...database.args]);
    expect(again.stderr).not.toContain('Gap');
    expect(await gaps()).toEqual([]);
    await sql('INSERT INTO todo VALUES (3)');
    await sql('ALTER PUBLICATION colophon ADD TABLE todo');
    const back = await here();
    await database.once();
    const [ended, ...others] = await gaps();
    expect(others).toEqual([]);
    expect(ended).toMatchObject({
      reason: 'publication-changed',
      tables: ['public.todo'],
      fromLsn: begun!.fromLsn,
    });
    expect(ended!.toLsn! >= back).toBe(true);
    await sql('INSERT INTO todo VALUES (4)');
    await database.once();
    const stored = await sql('SELECT primary_key AS key FROM colophon.changes ORDER BY seq');
    expect(stored.map(({ key }) => key)).toEqual(['1', '4']);
  });

  it('while it runs it looks now and then', async () => {
    const consumer = createConsumer({
      source: database.url,
      slot: database.slot,
      sink: new PostgresStore({ url: database.storeUrl }),
      publicationCheckMs: 50,
    });
    const told: Gap[] = [];
    consumer.on('gap', (gap) => told.push(gap));
    const running = consumer.run();
    await consumer.drain(30_000);
    await sql('ALTER PUBLICATION colophon DROP TABLE "Other, one"');
    await until(
      async () => told.length,
      (count) => count === 1,
    );
    expect(told[0]).toMatchObject({ reason: 'publication-changed', tables: ['public."Other, one"'] });
    await sql('ALTER PUBLICATION colophon ADD TABLE "Other, one"');
    const found = await until(
      async () => (await sql('SELECT to_lsn FROM colophon.gaps ORDER BY id')).slice(known),
      (rows) => rows.length === 2,
    );
    expect(found[0].to_lsn).toBeNull();
    expect(found[1].to_lsn).not.toBeNull();
    // A look that finds all as it was writes nothing.
    await consumer.drain(30_000);
    const { seen, version } = await kept();
    let looks = 0;
    await until(
      async () => ++looks,
      (count) => count === 20,
    );
    expect(await kept()).toEqual({ seen, version });
    await consumer.stop();
    await running;
    expect(await gaps()).toHaveLength(2);
  });
  const kept = async () =>
    (
      await sql(`SELECT encode(p.seen, 'escape') AS seen, p.xmin::text AS version FROM colophon.published p
        JOIN colophon.sources s ON s.id = p.source_id WHERE s.slot = '${database.slot}'`)
    )[0];

  it('operations that are left out concern all tables', async () => {
    await sql(`ALTER PUBLICATION colophon SET (publish = 'insert, update, delete')`);
    await database.once();
    await sql(`ALTER PUBLICATION colophon SET (publish = 'insert, update, delete, truncate')`);
    await database.once();
    expect((await gaps()).map(({ tables, toLsn }) => [tables, toLsn === null])).toEqual([
      [null, true],
      [null, false],
    ]);
  });

  it('renamed, dropped and new tables are none; nor is what init does', async () => {
    await sql('ALTER TABLE "Other, one" RENAME TO another');
    await sql('CREATE TABLE gone (id int PRIMARY KEY); ALTER PUBLICATION colophon ADD TABLE gone');
    await database.once();
    await sql('DROP TABLE gone; CREATE TABLE gone (id int PRIMARY KEY)');
    await colophon(['init', ...database.args, '--tables', 'todo,another,gone', '--no-ddl', '--yes']);
    const run = startColophon(['run', ...database.args]);
    await run.said('Reading');
    run.child.kill('SIGTERM');
    expect(await run.finished).toMatchObject({ code: 0 });
    expect(await gaps()).toEqual([]);
  });
});
