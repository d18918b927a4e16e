import { migrateStore, openStore, PostgresStore } from '@colophon/store';
import { createDatabase, dropDatabase, startProxy, type TcpProxy } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { FakeSource, positionAfter, SOURCE } from './fake-source.js';

let url: string;
let proxy: TcpProxy;
let admin: pg.Client;

beforeAll(async () => {
  url = await createDatabase(inject('serverUrl'));
  await migrateStore(url);
  const { hostname, port } = new URL(url);
  proxy = await startProxy({ host: hostname, port: Number(port) });
  admin = new pg.Client({ connectionString: url });
  await admin.connect();
});
afterAll(async () => {
  await admin.end();
  await proxy.close();
  await dropDatabase(url);
});

it('stores, through cuts, repeats and another consumer, without changing or deleting a record', async () => {
  await admin.query(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION '% of %', TG_OP, TG_TABLE_NAME; END $$`);
  for (const table of ['segments', 'change_records']) {
    await admin.query(`CREATE TRIGGER refuse_row BEFORE UPDATE OR DELETE ON colophon.${table}
      FOR EACH ROW EXECUTE FUNCTION refuse()`);
    await admin.query(`CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON colophon.${table}
      FOR EACH STATEMENT EXECUTE FUNCTION refuse()`);
  }
  const source = new FakeSource();
  const parts = [1, 2, 3, 4].map((id) =>
    source.transaction({ changes: [{ id }], contexts: [`{"user":${id}}`] }),
  );
  const sink = new PostgresStore({ url: proxy.url(url), applicationName: 'the sink' });
  const store = async (to: PostgresStore, from: number, until: number) => {
    await to.write(parts.slice(from, until));
    await to.flush(positionAfter(parts[until - 1]!));
  };
  await sink.open(SOURCE);
  await store(sink, 0, 2);
  await sink.write([parts[2]!]);
  proxy.cut();
  await expect(sink.flush(positionAfter(parts[2]!))).rejects.toMatchObject({ retryable: true });
  expect(await sink.open(SOURCE)).toEqual(positionAfter(parts[1]!));
  const other = new PostgresStore({ url, applicationName: 'another' });
  await other.open(SOURCE);
  await store(other, 2, 3);
  await expect(store(sink, 2, 3)).rejects.toMatchObject({ code: 'STORE_BUSY' });
  await sink.open(SOURCE);
  await store(sink, 3, 4);
  await sink.close();
  await other.close();
  const reader = await openStore(url);
  expect((await reader.changes({ order: 'oldest' })).map((row) => row.primary_key)).toEqual([
    '1',
    '2',
    '3',
    '4',
  ]);
  await reader.close();
  // The triggers were in force all the time, in every partition.
  for (const statement of [
    "UPDATE colophon.change_records SET operation = 'DELETE'",
    'DELETE FROM colophon.segments',
    'TRUNCATE colophon.change_records',
  ]) {
    await expect(admin.query(statement)).rejects.toMatchObject({ code: 'P0001' });
  }
});

it('gives no other role any right to it, not even to read', async () => {
  const role = `stranger_${new URL(url).pathname.slice(1)}`;
  await admin.query(`CREATE ROLE ${role}`);
  await admin.query(`SET ROLE ${role}`);
  for (const statement of [
    'SELECT 1 FROM colophon.changes',
    "UPDATE colophon.change_records SET operation = 'DELETE'",
    'DELETE FROM colophon.segments',
    'TRUNCATE colophon.change_records',
    'DROP VIEW colophon.changes',
  ]) {
    await expect(admin.query(statement), statement).rejects.toMatchObject({ code: '42501' });
  }
  await admin.query(`RESET ROLE; DROP ROLE ${role}`);
});
