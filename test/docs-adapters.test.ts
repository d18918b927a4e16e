import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { contextsOf, SNIPPET_SCHEMA, snippetsOf } from './snippet.js';
import { type TrackedDatabase, trackDatabase } from './tracked-database.js';

const request = { user: 42, endpoint: 'PUT /todo/7' };
/** Each snippet of a page, and the context of the one change that it makes. */
const PAGES: Record<string, unknown[]> = {
  prisma: [request, request, { user: 43, endpoint: 'PUT /todo/7' }],
  drizzle: [request],
  kysely: [request],
  knex: [request, request],
  'outside-a-request': [
    { script: 'close-todos', by: expect.any(String) },
    { job: 'close-todos', jobId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    { user: 42, endpoint: 'POST /todo/7/close', job: 'close' },
    {},
  ],
};

/** Where what a page imports by a path of the application's own is. */
const FOLDERS: Record<string, string> = { prisma: path.join(import.meta.dirname, 'prisma-7/snippet') };

describe.each(Object.entries(PAGES))(
  'docs/%s.md: each snippet runs as it stands, and its write has the name it says',
  (page, contexts) => {
    let database: TrackedDatabase;
    beforeAll(async () => {
      database = await trackDatabase(inject('serverUrl'), SNIPPET_SCHEMA, { tables: 'todo' });
    });
    afterAll(() => database?.drop());

    it('has them', () => expect(snippetsOf(page)).toHaveLength(contexts.length));
    it.each(contexts.map((context, at) => ({ at, context })))('$at', async ({ at, context }) => {
      expect(await contextsOf(snippetsOf(page)[at]!, database, FOLDERS[page])).toEqual([context]);
    });
  },
);

it('docs/adapters.md shows the test of pg, word for word', () => {
  const page = fs.readFileSync(path.join(import.meta.dirname, '../docs/adapters.md'), 'utf8');
  const shown = /<!-- from test\/adapters\/pg\.test\.ts -->\n```ts\n(.*?)```/s.exec(page)?.[1];
  expect(shown).toBe(fs.readFileSync(path.join(import.meta.dirname, 'adapters/pg.test.ts'), 'utf8'));
});
