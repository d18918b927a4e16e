import { instrument } from '@colophon/pg';
import { eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import pg from 'pg';

const todo = pgTable('todo', { id: integer().primaryKey(), title: text() });

export async function open(connectionString, withColophon) {
  const pool = new pg.Pool({ connectionString, max: 1 });
  const db = drizzle(withColophon ? instrument(pool) : pool);
  return {
    write: async (id, title) => db.update(todo).set({ title }).where(eq(todo.id, id)),
    read: async (id) => db.select().from(todo).where(eq(todo.id, id)),
    close: () => pool.end(),
  };
}
