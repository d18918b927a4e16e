import { mergeContext, runWithContext } from '@colophon/context';
import { instrument } from '@colophon/pg';
import express from 'express';
import pg from 'pg';

/** A small bank of to-dos: an ordinary Express application over node-postgres. Colophon is the marked lines. */
export function createApp(databaseUrl) {
  // #region quickstart
  const pool = instrument(new pg.Pool({ connectionString: databaseUrl, max: 2 }));

  const app = express();
  app.use((request, _response, next) => {
    const context = { user: request.get('x-user'), endpoint: `${request.method} ${request.path}` };
    runWithContext(context, next);
  });

  app.put('/todos/:id', express.json(), async (request, response) => {
    const { rows } = await pool.query('UPDATE todo SET title = $1 WHERE id = $2 RETURNING *', [
      request.body.title,
      request.params.id,
    ]);
    response.json(rows[0]);
  });
  // #endregion quickstart

  app.post('/todos', express.json(), async (request, response) => {
    const { rows } = await pool.query('INSERT INTO todo (title, owner) VALUES ($1, $2) RETURNING *', [
      request.body.title,
      request.get('x-user'),
    ]);
    response.status(201).json(rows[0]);
  });

  // Several writes in one transaction, and a reason that is known only later in the request.
  app.post('/todos/:id/done', express.json(), async (request, response) => {
    mergeContext({ reason: request.body.reason });
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      await client.query('UPDATE todo SET done = true WHERE id = $1', [request.params.id]);
      await client.query('UPDATE account SET points = points + 10 WHERE name = $1', [request.get('x-user')]);
      await client.query('COMMIT');
      response.json({ done: true });
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    } finally {
      client.release();
    }
  });

  app.delete('/todos/:id', async (request, response) => {
    await pool.query('DELETE FROM todo WHERE id = $1', [request.params.id]);
    response.status(204).end();
  });

  return { app, close: () => pool.end() };
}
