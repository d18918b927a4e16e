import { instrument } from '@colophon/pg';
import type { ContractAdapter, ContractItem, ContractSession, ContractWrites } from '@colophon/testkit';
import * as kysely29 from 'kysely';
import * as kysely28 from 'kysely-28';
import pg from 'pg';
import { runContract } from './run-contract.js';

/** What both versions can, in the types of one. */
type Kysely = Pick<typeof kysely29, 'Kysely' | 'PostgresDialect' | 'CompiledQuery'>;
type Db = kysely29.Kysely<{ item: ContractItem }>;

function writesOf(db: Db, { CompiledQuery }: Kysely): ContractWrites {
  return {
    insert: (item) => db.insertInto('item').values(item).executeTakeFirst(),
    insertMany: (items) => db.insertInto('item').values(items).execute(),
    update: (id, title) => db.updateTable('item').set({ title }).where('id', '=', id).execute(),
    remove: (id) => db.deleteFrom('item').where('id', '=', id).execute(),
    read: (id) => db.selectFrom('item').selectAll().where('id', '=', id).executeTakeFirst(),
    raw: (sql, values) => db.executeQuery(CompiledQuery.raw(sql, [...values])),
  };
}

function sessionOf(kysely: Kysely, pool: pg.Pool, log: (line: string) => void = () => {}): ContractSession {
  const db: Db = new kysely.Kysely({
    dialect: new kysely.PostgresDialect({ pool }),
    log: ({ level, query }) => log(JSON.stringify([level, query.sql, query.parameters])),
  });
  return {
    ...writesOf(db, kysely),
    transaction: (work) => db.transaction().execute((inside) => work(writesOf(inside, kysely))),
    close: () => db.destroy(),
  };
}

function adapterOf(name: string, kysely: Kysely): ContractAdapter {
  return {
    name,
    open: async (connectionString, max, log) =>
      sessionOf(kysely, instrument(new pg.Pool({ connectionString, max })), log),
    openPlain: async (connectionString, max, log) =>
      sessionOf(kysely, new pg.Pool({ connectionString, max }), log),
  };
}

runContract(adapterOf('Kysely', kysely29));
runContract(adapterOf('Kysely 0.28', kysely28 as unknown as Kysely));
