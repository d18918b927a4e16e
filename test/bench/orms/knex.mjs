import { instrument } from '@colophon/pg';
import knex from 'knex';
import pg from 'pg';

export async function open(connectionString, withColophon) {
  const pool = new pg.Pool({ connectionString, max: 1 });
  const db = knex({ client: 'pg', connectionPool: withColophon ? instrument(pool) : pool });
  return {
    write: async (id, title) => db('todo').update({ title }).where({ id }),
    read: async (id) => db('todo').where({ id }),
    close: () => pool.end(),
  };
}
