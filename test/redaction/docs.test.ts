import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { redactedHash } from '@colophon/protocol';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { colophon } from '../cli/colophon.js';
import { contextsOf, SNIPPET_SCHEMA, snippetsOf } from '../snippet.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';

const KEY = 'a key of the test, 32 bytes long';
let tracked: TrackedDatabase;
let folder: string;
beforeAll(async () => {
  tracked = await trackDatabase(
    inject('serverUrl'),
    `${SNIPPET_SCHEMA} CREATE TABLE account (id int PRIMARY KEY, password text, email text, phone text, ssn text)`,
    { tables: 'todo,account' },
  );
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-docs-'));
  fs.writeFileSync(path.join(folder, 'key'), KEY);
});
afterAll(async () => {
  fs.rmSync(folder, { recursive: true });
  await tracked.drop();
});

/** Puts the page's settings file into the folder, with a key that is there in place of its own. */
function configure(page: string): void {
  const text = fs.readFileSync(path.join(import.meta.dirname, `../../docs/${page}.md`), 'utf8');
  const [block] = [...text.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1]!);
  const config = block!.replace(/'\/run\/secrets\/[a-z-]+'/, JSON.stringify(path.join(folder, 'key')));
  expect(config).not.toBe(block);
  fs.writeFileSync(path.join(folder, 'colophon.config.ts'), config);
}

it('the application of the pages on redaction and signatures runs as it stands', async () => {
  const [redacting, ...others] = snippetsOf('redaction');
  const [signing, ...more] = snippetsOf('signature');
  expect([...others, ...more]).toEqual([]);
  const secret = { id: '2026-11', secret: 'at least 16 bytes, from your secrets' };
  expect(await contextsOf(redacting!, tracked)).toEqual([
    { user: { id: 42, email: redactedHash('a@b.c', secret) }, headers: {} },
  ]);
  // Nobody asks for the signature here: it comes off all the same.
  expect(await contextsOf(signing!, tracked)).toEqual([{ user: 42 }]);
});

it('the settings of the page on redaction do what it says', async () => {
  configure('redaction');
  await tracked.client.query(`INSERT INTO account VALUES (1, 'pw', 'a@b.c', '555', '123')`);
  const { code } = await colophon(['run', '--once', '--source', tracked.url, '--slot', tracked.slot], {
    cwd: folder,
  });
  expect(code).toBe(0);
  const { rows } = await tracked.client.query(`SELECT after FROM colophon.changes WHERE "table" = 'account'`);
  expect(rows).toEqual([
    { after: { id: 1, email: redactedHash('a@b.c', { id: '2026-11', secret: KEY }), phone: '(hidden)' } },
  ]);
});

it('the settings of the page on signatures do what it says', async () => {
  configure('signature');
  await tracked.client.query(`BEGIN; SELECT pg_logical_emit_message(true, 'colophon', '{"user":1}');
    UPDATE todo SET title = 'forged'; COMMIT`);
  const { code } = await colophon(['run', '--once', '--source', tracked.url, '--slot', tracked.slot], {
    cwd: folder,
  });
  expect(code).toBe(0);
  const { rows } = await tracked.client.query(
    `SELECT verified FROM colophon.changes WHERE after ->> 'title' = 'forged'`,
  );
  expect(rows).toEqual([{ verified: false }]);
});
