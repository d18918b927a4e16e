import { instrument } from '@colophon/pg';
import type {
  ContractAdapter,
  ContractSession,
  ContractTransaction,
  ContractWrites,
} from '@colophon/testkit';
import { eq, type SQL, sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { runContract } from './run-contract.js';

const item = pgTable('item', {
  id: integer().primaryKey(),
  owner: text().notNull(),
  title: text().notNull(),
});

/** A database or a transaction of Drizzle's: what both can. */
type Db = Pick<NodePgDatabase, 'insert' | 'update' | 'delete' | 'select' | 'execute' | 'transaction'>;

function writesOf(db: Db): ContractWrites {
  return {
    insert: async (row) => db.insert(item).values(row),
    lazyInsert: (row) => db.insert(item).values(row),
    insertMany: async (rows) => db.insert(item).values([...rows]),
    update: async (id, title) => db.update(item).set({ title }).where(eq(item.id, id)),
    remove: async (id) => db.delete(item).where(eq(item.id, id)),
    read: async (id) => (await db.select().from(item).where(eq(item.id, id)))[0],
    raw: async (statement, values) => db.execute(withValues(statement, values)),
  };
}

/** Drizzle numbers parameters itself. */
function withValues(statement: string, values: readonly unknown[]): SQL {
  const parts = statement.split(/\$(\d+)/);
  return sql.join(parts.map((part, at) => (at % 2 === 0 ? sql.raw(part) : sql`${values[Number(part) - 1]}`)));
}

function transactionOf(db: Db): ContractTransaction {
  return { ...writesOf(db), savepoint: (work) => db.transaction((inside) => work(writesOf(inside))) };
}

function sessionOf(pool: pg.Pool, log: (line: string) => void = () => {}): ContractSession {
  const logger = { logQuery: (query: string, values: unknown[]) => log(JSON.stringify([query, values])) };
  const db = drizzle(pool, { logger });
  return {
    ...writesOf(db),
    transaction: (work) => db.transaction((inside) => work(transactionOf(inside))),
    close: () => pool.end(),
  };
}

const adapter: ContractAdapter = {
  name: 'Drizzle',
  open: async (connectionString, max, log) =>
    sessionOf(instrument(new pg.Pool({ connectionString, max })), log),
  openPlain: async (connectionString, max, log) => sessionOf(new pg.Pool({ connectionString, max }), log),
};

runContract(adapter);
