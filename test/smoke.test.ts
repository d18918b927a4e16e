import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { expect, inject, it } from 'vitest';

it('has a PostgreSQL that decodes logically', async () => {
  const url = await createDatabase(inject('serverUrl'));
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  expect((await client.query('SHOW wal_level')).rows[0].wal_level).toBe('logical');
  await client.end();
  await dropDatabase(url);
});
