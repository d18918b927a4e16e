import { runWithContext } from '@colophon/context';
import { instrument } from '@colophon/pg';
import { CONTRACT_SCHEMA } from '@colophon/testkit';
import { sql as drizzleSql, eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import knex from 'knex';
import { Kysely, PostgresDialect, sql } from 'kysely';
import Cursor from 'pg-cursor';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { instrumentedPool } from '../instrumented-pool.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';
import { environmentOf } from './environment.js';

const ann = { user: 'ann' };

let database: TrackedDatabase;
beforeAll(async () => {
  database = await trackDatabase(inject('serverUrl'), CONTRACT_SCHEMA, { tables: 'item' });
});
afterAll(() => database?.drop());

/** Does the work as ann and expects so many changes, all of them hers. */
async function expectNamed(changes: number, work: () => PromiseLike<unknown>): Promise<void> {
  const environment = await environmentOf(database);
  await runWithContext(ann, async () => await work());
  const stored = await environment.changes();
  expect(stored.map(({ context }) => context)).toEqual(Array.from({ length: changes }, () => ann));
}

const pool = () => instrumentedPool({ connectionString: database.url, max: 2 });

describe('Drizzle, beyond the contract', () => {
  const item = pgTable('item', { id: integer().primaryKey(), owner: text(), title: text() });
  let end = async () => {};
  afterEach(() => end());

  it('drizzle(connectionString), its pool instrumented afterwards', async () => {
    const db = drizzle(database.url);
    end = () => db.$client.end();
    instrument(db.$client);
    await expectNamed(1, () => db.insert(item).values({ id: 1 }));
  });

  it('prepared queries, upserts with returning, a transaction with settings, a CTE', async () => {
    const db = drizzle(pool());
    end = () => db.$client.end();
    await expectNamed(5, async () => {
      const prepared = db
        .insert(item)
        .values({ id: drizzleSql.placeholder('id') })
        .prepare('insert_item');
      await prepared.execute({ id: 1 });
      await prepared.execute({ id: 2 });
      await db
        .insert(item)
        .values({ id: 1, title: 'again' })
        .onConflictDoUpdate({ target: item.id, set: { title: 'again' } })
        .returning();
      await db.transaction((tx) => tx.update(item).set({ title: 'x' }).where(eq(item.id, 2)), {
        isolationLevel: 'serializable',
      });
      const gone = db.$with('gone').as(db.delete(item).where(eq(item.id, 1)).returning());
      await db.with(gone).select().from(gone);
    });
  });
});

describe('Kysely, beyond the contract', () => {
  type Db = { item: { id: number; owner: string | null; title: string | null } };
  let db: Kysely<Db>;
  afterEach(() => db.destroy());

  it('a pool given by a function, sql, a stream, a CTE', async () => {
    db = new Kysely<Db>({ dialect: new PostgresDialect({ pool: async () => pool(), cursor: Cursor }) });
    await expectNamed(6, async () => {
      await sql`INSERT INTO item (id) VALUES (${1}), (${2})`.execute(db);
      const rows = db
        .updateTable('item')
        .set({ title: 'streamed' })
        .where('id', 'in', [1, 2])
        .returning('id')
        .stream(1);
      for await (const { id } of rows) expect([1, 2]).toContain(id);
      await db
        .with('gone', (qb) => qb.deleteFrom('item').where('id', '=', 1).returning('id'))
        .insertInto('item')
        .columns(['id'])
        .expression((eb) => eb.selectFrom('gone').select(eb('id', '+', 10).as('id')))
        .execute();
    });
  });

  it('a transaction of its own with savepoints', async () => {
    db = new Kysely<Db>({ dialect: new PostgresDialect({ pool: pool() }) });
    const insert = (on: Kysely<Db>, id: number) => on.insertInto('item').values({ id }).execute();
    await expectNamed(2, async () => {
      const transaction = await db.startTransaction().setIsolationLevel('repeatable read').execute();
      const after = await transaction.savepoint('a').execute();
      await insert(after, 1);
      await after.rollbackToSavepoint('a').execute();
      await insert(transaction, 2);
      const second = await transaction.savepoint('b').execute();
      await insert(second, 3);
      await second.releaseSavepoint('b').execute();
      await transaction.commit().execute();
    });
  });
});

describe('Knex, beyond the contract', () => {
  it('batchInsert, a transaction without a callback, an upsert, migrations', async () => {
    const below = pool();
    const db = knex({ client: 'pg', connectionPool: below });
    const migration = {
      up: (on: typeof db) => on('item').insert({ id: 100 }),
      down: (on: typeof db) => on('item').delete(),
    };
    await expectNamed(6, async () => {
      await db.batchInsert('item', [{ id: 1 }, { id: 2 }, { id: 3 }], 2);
      const transaction = await db.transaction();
      await transaction('item').delete().where({ id: 1 });
      await transaction.commit();
      await db('item').insert({ id: 2, title: 'merged' }).onConflict('id').merge();
      await db.migrate.latest({
        migrationSource: {
          getMigrations: async () => ['first'],
          getMigrationName: (name: string) => name,
          getMigration: async () => migration,
        },
      });
    });
    await db.destroy();
    await below.end();
  });
});
