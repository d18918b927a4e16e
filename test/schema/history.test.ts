import { openStore, type Store } from '@colophon/store';
import { launchPostgres, type PostgresServer } from '@colophon/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Major, nativeDir } from '../embedded-postgres.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';

const MAJORS: Major[] = process.env.PG_MAJOR ? [Number(process.env.PG_MAJOR) as Major] : [14, 18];

describe.each(MAJORS)("a row's history, on PostgreSQL %i", (major) => {
  let server: PostgresServer;
  let database: TrackedDatabase;
  let store: Store;

  beforeAll(async () => {
    server = await launchPostgres({ native: nativeDir(major) });
    database = await trackDatabase(
      server.url(),
      `CREATE TABLE todo (id int PRIMARY KEY, title text); CREATE TABLE pair (a int, b int, PRIMARY KEY (a));
       CREATE TABLE part (id int PRIMARY KEY) PARTITION BY RANGE (id);
       CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10)`,
      { tables: 'todo,pair,part' },
    );
    store = await openStore(database.storeUrl);
  });
  afterAll(async () => {
    await store.close();
    await database.drop();
    await server.stop();
  });
  const sql = (text: string) => database.client.query(text);
  const history = async (table: string, key: Parameters<Store['history']>[1]) =>
    (await store.history(table, key)).map((row) => `${row.operation} ${row.afterJson}`);

  it.each(['read before', 'read after'])(
    'goes on by the value of a key column that was renamed, %s',
    async (when) => {
      const table = when === 'read before' ? 'todo' : 'later';
      if (table === 'later') {
        await sql(
          'CREATE TABLE later (id int PRIMARY KEY, title text); ALTER TABLE later REPLICA IDENTITY FULL',
        );
        await sql('ALTER PUBLICATION colophon ADD TABLE later');
      }
      await sql(`INSERT INTO ${table} VALUES (7, 'a')`);
      if (table === 'todo') await database.once();
      await sql(`ALTER TABLE ${table} RENAME COLUMN id TO todo_id; UPDATE ${table} SET title = 'b'`);
      await database.once();
      const all = ['CREATE {"id": 7, "title": "a"}', 'UPDATE {"title": "b", "todo_id": 7}'];
      expect(await history(table, 7)).toEqual(all);
      expect(await history(table, '7')).toEqual(all);
    },
  );

  it('goes on under another name of the table, and the command between tells both', async () => {
    await sql('ALTER TABLE todo RENAME TO task; CREATE SCHEMA other; ALTER TABLE task SET SCHEMA other');
    await sql("UPDATE other.task SET title = 'c'");
    await database.once();
    expect(await history('todo', 7)).toHaveLength(2);
    expect(await history('task', 7)).toEqual(['UPDATE {"title": "c", "todo_id": 7}']);
    const { rows } = await sql(`SELECT 'other.task'::regclass::oid::int AS oid`);
    const commands = await store.ddl({ tableOid: rows[0].oid, order: 'oldest' });
    expect(commands.map(({ identity }) => identity).slice(-2)).toEqual(['public.task', 'other.task']);
  });

  it('is of the key that the table has when the change is read', async () => {
    await sql('INSERT INTO pair VALUES (1, 10)');
    await database.once();
    await sql('UPDATE pair SET b = 11');
    await sql('ALTER TABLE pair DROP CONSTRAINT pair_pkey; ALTER TABLE pair ADD PRIMARY KEY (b)');
    await sql('UPDATE pair SET a = 2');
    await database.once();
    const rows = await store.changes({ table: 'pair', order: 'oldest' });
    expect(rows.map(({ keyJson, primary_key }) => [keyJson, primary_key])).toEqual([
      ['{"a": 1}', '1'],
      ['{"b": 11}', '11'],
      ['{"b": 11}', '11'],
    ]);
  });

  it('of a partition goes on under its own name once it is detached, where it is published itself', async () => {
    await sql('INSERT INTO part VALUES (1)');
    await database.once();
    await sql('ALTER TABLE part DETACH PARTITION part_1; ALTER PUBLICATION colophon ADD TABLE part_1');
    await sql('INSERT INTO part_1 VALUES (2)');
    await database.once();
    await sql(
      'ALTER TABLE part_1 RENAME TO part_2; ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES FROM (0) TO (10)',
    );
    await sql('INSERT INTO part VALUES (3)');
    await database.once();
    const rows = await store.changes({ from: '2000-01-01', order: 'oldest', operation: 'CREATE' });
    expect(
      rows.filter((row) => /part/.test(row.table)).map((row) => [row.table, row.partition, row.primary_key]),
    ).toEqual([
      ['part', 'part_1', '1'],
      ['part_1', null, '2'],
      ['part', 'part_2', '3'],
    ]);
  });
});
