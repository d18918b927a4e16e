import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';

let url: string;
beforeAll(async () => {
  url = await createDatabase(inject('serverUrl'));
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner text)');
  await client.end();
});
afterAll(() => dropDatabase(url));

it('of a finished run nothing stays in memory, whatever is left open', async () => {
  const child = path.join(import.meta.dirname, 'finished-contexts.child.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', child], {
    env: { ...process.env, DATABASE_URL: url },
  });
  const seen = JSON.parse(stdout) as Record<string, { runs: number; survived: number }>;
  expect(Object.keys(seen).length).toBeGreaterThan(10);
  const survived = Object.entries(seen).filter(([, one]) => one.survived > 0 || one.runs === 0);
  expect(survived).toEqual([]);
});
