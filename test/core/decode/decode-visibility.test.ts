import { launchPostgres, type PostgresServer } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Major, nativeDir } from '../../embedded-postgres.js';
import { DecodedSource } from './decoded-source.js';

let server: PostgresServer;
beforeAll(async () => {
  server = await launchPostgres({
    native: nativeDir(Number(process.env.PG_MAJOR ?? 18) as Major),
    // A commit that asks for more than the local disk waits for a standby that doesn't exist.
    settings: { synchronous_standby_names: 'nobody', synchronous_commit: 'local' },
  });
});
afterAll(() => server.stop());

it('waits for a commit that is in the stream before anyone can see it', async () => {
  const source = await DecodedSource.create(
    server.url(),
    'CREATE TABLE early (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE leaf PARTITION OF early DEFAULT',
  );
  const writer = new pg.Client({ connectionString: source.url });
  await writer.connect();
  await writer.query('SET synchronous_commit = on');
  // (Decoding waits by itself for whoever locked the very tables and types of the rows; a partition's root isn't among them.)
  const commit = writer.query('BEGIN; ALTER TABLE early RENAME TO late; INSERT INTO leaf VALUES (7); COMMIT');
  let waiting: { pid: number }[] = [];
  while (waiting.length === 0) {
    waiting = await source.rows("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
  }
  expect(await source.rows("SELECT FROM pg_class WHERE relname = 'late'")).toEqual([]);

  const asked = source.queries;
  // The catalog's first answers must be without the new name: only then is the commit let through.
  const [change] = await source.changes(async () => {
    while (source.queries - asked < 3) await source.run('SELECT 1');
    await source.run('SELECT pg_cancel_backend($1)', [waiting[0]!.pid]);
  });
  await commit;
  expect(change!.relation).toMatchObject({ table: 'late', partition: 'leaf' });
  await writer.end();
  await source.drop();
}, 20_000);
