import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { openSlot } from '../pg/decoded.js';

const root = path.join(import.meta.dirname, '../..');
const snippetsOf = (file: string) =>
  [...fs.readFileSync(path.join(root, file), 'utf8').matchAll(/```js\n(.*?)```/gs)].map((match) => match[1]!);

let url: string;
let slot: Awaited<ReturnType<typeof openSlot>>;
beforeAll(async () => {
  url = await createDatabase(inject('serverUrl'));
  slot = await openSlot(url, 'docs_typeorm');
});
afterAll(async () => {
  await slot?.close();
  await dropDatabase(url);
});

const run = (program: string) =>
  execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
    env: { ...process.env, DATABASE_URL: url },
  });

it('the page runs as it stands, and its writes have their names', async () => {
  const snippets = snippetsOf('docs/typeorm.md');
  expect(snippets).toHaveLength(2);
  run(snippets.join('\n'));
  const context = { user: 42, endpoint: 'PUT /todo/7' };
  expect((await slot.rows()).map((row) => JSON.parse(row.context))).toEqual([
    context,
    { ...context, reason: 'typo' },
  ]);
});

it("the package's README runs as it stands", () => {
  const [snippet, ...others] = snippetsOf('packages/typeorm/README.md');
  expect(others).toEqual([]);
  expect(
    run(
      `${snippet}\nconsole.log((await dataSource.initialize()).isInitialized); await dataSource.destroy();`,
    ),
  ).toBe('true\n');
});
