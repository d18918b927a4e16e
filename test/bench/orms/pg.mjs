import { instrument } from '@colophon/pg';
import pg from 'pg';

export async function open(connectionString, withColophon) {
  const pool = new pg.Pool({ connectionString, max: 1 });
  if (withColophon) instrument(pool);
  return {
    write: (id, title) => pool.query('UPDATE todo SET title = $1 WHERE id = $2', [title, id]),
    read: (id) => pool.query('SELECT id, title FROM todo WHERE id = $1', [id]),
    close: () => pool.end(),
  };
}
