import { instrument } from '@colophon/pg';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';

export async function open(connectionString, withColophon) {
  const pool = new pg.Pool({ connectionString, max: 1 });
  const db = new Kysely({ dialect: new PostgresDialect({ pool: withColophon ? instrument(pool) : pool }) });
  return {
    write: (id, title) => db.updateTable('todo').set({ title }).where('id', '=', id).execute(),
    read: (id) => db.selectFrom('todo').selectAll().where('id', '=', id).execute(),
    close: () => db.destroy(),
  };
}
