import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { TrackedDatabase } from './tracked-database.js';

/** What the snippets of the pages work on. */
export const SNIPPET_SCHEMA = `CREATE TABLE todo (id int PRIMARY KEY, title text, done boolean);
  INSERT INTO todo VALUES (7, 'write', false);`;

/** The blocks of JavaScript in a page of `docs/`. */
export function snippetsOf(page: string): string[] {
  const text = fs.readFileSync(path.join(import.meta.dirname, `../docs/${page}.md`), 'utf8');
  return [...text.matchAll(/```js\n(.*?)```/gs)].map((match) => match[1] ?? '');
}

/** Runs a snippet as it stands, as an ES module in `folder` with `DATABASE_URL` set, and gives the contexts of its changes, each of which must set todo 7 to done. */
export async function contextsOf(
  code: string,
  database: TrackedDatabase,
  folder = import.meta.dirname,
): Promise<unknown[]> {
  const { rows: start } = await database.client.query('SELECT pg_current_wal_insert_lsn() AS lsn');
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], {
    cwd: folder,
    env: { ...process.env, DATABASE_URL: database.url },
  });
  await database.once();
  const { rows } = await database.client.query(
    `SELECT operation, primary_key AS key, after -> 'done' AS done, context FROM colophon.changes WHERE commit_lsn >= $1 ORDER BY seq`,
    [start[0].lsn],
  );
  return rows.map(({ context, ...change }) =>
    change.operation === 'UPDATE' && change.key === '7' && change.done === true
      ? context
      : { unexpected: change },
  );
}
