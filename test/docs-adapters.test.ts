import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type TrackedDatabase, trackDatabase } from './tracked-database.js';

const docs = path.join(import.meta.dirname, '../docs');
const SCHEMA = `CREATE TABLE todo (id int PRIMARY KEY, title text, done boolean);
  INSERT INTO todo VALUES (7, 'write', false);`;
const snippets = ['drizzle', 'kysely', 'knex'].flatMap((page) => {
  const text = fs.readFileSync(path.join(docs, `${page}.md`), 'utf8');
  return [...text.matchAll(/```js\n(.*?)```/gs)].map(([, code], at) => ({ page, at, code: code ?? '' }));
});

it('there are snippets', () => expect(snippets).toHaveLength(4));

describe('the snippets of the pages run as they stand, and the write has its name', () => {
  let database: TrackedDatabase;
  beforeAll(async () => {
    database = await trackDatabase(inject('serverUrl'), SCHEMA, { tables: 'todo' });
  });
  afterAll(() => database?.drop());

  it.each(snippets)('$page $at', async ({ code }) => {
    await database.once();
    const { rows: before } = await database.client.query(
      'SELECT coalesce(max(seq), 0) AS seq FROM colophon.changes',
    );
    execFileSync(process.execPath, ['--input-type=module', '-e', code], {
      cwd: import.meta.dirname,
      env: { ...process.env, DATABASE_URL: database.url },
    });
    await database.once();
    const { rows } = await database.client.query(
      `SELECT operation, primary_key AS key, after -> 'done' AS done, context FROM colophon.changes WHERE seq > $1`,
      [before[0].seq],
    );
    expect(rows).toEqual([
      { operation: 'UPDATE', key: '7', done: true, context: { user: 42, endpoint: 'PUT /todo/7' } },
    ]);
  });
});

it('docs/adapters.md shows the test of pg, word for word', () => {
  const shown = /<!-- from test\/adapters\/pg\.test\.ts -->\n```ts\n(.*?)```/s.exec(
    fs.readFileSync(path.join(docs, 'adapters.md'), 'utf8'),
  )?.[1];
  expect(shown).toBe(fs.readFileSync(path.join(import.meta.dirname, 'adapters/pg.test.ts'), 'utf8'));
});
