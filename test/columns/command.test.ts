import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { redactedHash } from '@colophon/protocol';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { colophon, type Finished, startColophon } from '../cli/colophon.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';
import { listenFlag, metrics, until } from '../watch/pages.js';

const SECRET = 'a key of the test, 32 bytes long';
const hash = (text: string) => redactedHash(text, { id: '2026-11', secret: SECRET });
const PAGE = fs.readFileSync(path.join(import.meta.dirname, '../../docs/column-rules.md'), 'utf8');

let tracked: TrackedDatabase;
let folder: string;
beforeAll(async () => {
  tracked = await trackDatabase(
    inject('serverUrl'),
    `CREATE SCHEMA billing;
     CREATE TABLE account (email text PRIMARY KEY, password text, phone text, likes_cached_counter int, updated_at timestamptz);
     CREATE TABLE billing.party (id int PRIMARY KEY, iban text, bic text, updated_at timestamptz);
     CREATE TABLE secret_a (id int PRIMARY KEY, token text, n int)`,
    { tables: 'account,billing.party,secret_a' },
  );
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-columns-'));
  fs.writeFileSync(path.join(folder, 'key'), SECRET);
});
afterAll(async () => {
  fs.rmSync(folder, { recursive: true });
  await tracked.drop();
});

/** The page's settings file, with a key that is there in place of its own. */
function pageSettings(): string {
  const [, block = ''] = /```ts\n(.*?)```/s.exec(PAGE) ?? [];
  const config = block.replace("'/run/secrets/redaction-key'", JSON.stringify(path.join(folder, 'key')));
  expect(config).not.toBe(block);
  return config;
}
const configure = (text: string) => fs.writeFileSync(path.join(folder, 'colophon.config.ts'), text);

const run = (...args: string[]): Promise<Finished> =>
  colophon([...args, '--source', tracked.url], { cwd: folder });
const slot = () => ['--slot', tracked.slot];
const linesOf = ({ stdout }: Finished) =>
  stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

it('the settings of the page do what it says, in run, snapshot and log', async () => {
  configure(pageSettings());
  await tracked.client.query(`INSERT INTO account VALUES ('S3CRET@mail', 'S3CRET', 'S3CRET', 0, NULL);
    INSERT INTO billing.party VALUES (1, 'S3CRET', 'S3CRET', NULL); INSERT INTO secret_a VALUES (1, 'S3CRET', 1)`);
  await tracked.client.query(`UPDATE account SET likes_cached_counter = 1, updated_at = now();
    UPDATE billing.party SET updated_at = now()`);
  await tracked.client.query(`UPDATE account SET phone = 'S3CRET-new', likes_cached_counter = 2`);
  const stored = await run('run', '--once', ...slot());
  expect(stored.stderr).toContain('Stored 4 changes of 2 transactions.');
  const account = { email: hash('S3CRET@mail'), phone: '***' };
  const found = linesOf(await run('log', '--table', 'account', '--key', 'S3CRET@mail', '--json'));
  expect(found).toMatchObject([
    { operation: 'UPDATE', before: { ...account, likes_cached_counter: 1 }, after: account },
    { operation: 'CREATE', before: {}, after: account, key: { email: hash('S3CRET@mail') } },
  ]);
  const others = linesOf(await run('log', '--json', '--operation', 'CREATE', '--reverse'));
  expect(others.map(({ after }) => after)).toEqual([
    { ...account, likes_cached_counter: 0, updated_at: null },
    { id: 1, iban: '(hidden)', bic: '(hidden)', updated_at: null },
    { id: 1, n: 1 },
  ]);
  const copied = await run('snapshot', ...slot());
  expect(copied.code).toBe(0);
  const { rows } = await tracked.client.query(
    `SELECT "table", after FROM colophon.baseline WHERE "table" <> 'account' ORDER BY "table"`,
  );
  expect(rows).toMatchObject([
    { table: 'party', after: { id: 1, iban: '(hidden)', bic: '(hidden)' } },
    { table: 'secret_a', after: { id: 1, n: 1 } },
  ]);
  for (const text of [found, others, rows, stored, copied])
    expect(JSON.stringify(text)).not.toContain('S3CRET');
});

it('says in doctor what it will do, what meets nothing, and what cannot be ignored', async () => {
  const checks = async () => linesOf(await run('doctor', '--json', ...slot()));
  configure(pageSettings());
  expect(await checks()).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        name: 'redaction',
        verdict: 'ok',
        message: '6 column rules, 0 context rules',
      }),
      expect.objectContaining({ name: 'columns', verdict: 'ok' }),
    ]),
  );
  configure(
    `export default { columns: { ignore: ['*.updated_at', 'account.email', '*.typo_*'], exclude: ['accont.x*'] } };`,
  );
  await tracked.client.query('ALTER TABLE billing.party REPLICA IDENTITY DEFAULT');
  const warned = (await checks()).filter(({ name }) => /^columns/.test(name));
  await tracked.client.query('ALTER TABLE billing.party REPLICA IDENTITY FULL');
  expect(warned).toMatchObject([
    {
      name: 'columns',
      verdict: 'warn',
      message: 'no column of a tracked table is met by *.typo_*, accont.x*',
    },
    { name: 'columns_identity', verdict: 'warn', message: expect.stringMatching(/in billing\.party: /) },
  ]);
  configure(`export default { columns: { exclude: ['account.pasword', 'billing.partie.iban'] } };`);
  expect(await checks()).toContainEqual(
    expect.objectContaining({
      name: 'redaction',
      code: 'REDACTION_IMPOSSIBLE',
      message: 'table account has no column pasword; there is no table billing.partie',
    }),
  );
  await tracked.client.query(`INSERT INTO secret_a VALUES (2, 'S3CRET', 1)`);
  const refused = await run('run', '--once', ...slot());
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('[REDACTION_IMPOSSIBLE]') });
});

it('counts what it leaves out', async () => {
  configure(pageSettings());
  const { flag, port } = await listenFlag();
  const watched = startColophon(['run', '--source', tracked.url, ...slot(), ...flag], { cwd: folder });
  await watched.said('Serving');
  await tracked.client.query(`UPDATE account SET updated_at = clock_timestamp()`);
  await tracked.client.query(
    `UPDATE billing.party SET updated_at = clock_timestamp(); UPDATE secret_a SET n = 2`,
  );
  const samples = await until(
    () => metrics(port),
    (seen) => seen.get('colophon_ignored_changes_total') === 2 && seen.get('colophon_changes_total') === 3,
  );
  expect(
    samples.get('colophon_table_changes_total{schema="billing",table="party",context="unnamed"}'),
  ).toBeUndefined();
  watched.child.kill('SIGTERM');
  expect(await watched.finished).toMatchObject({ code: 0 });
});

it('names the place of a mistake in the settings, in one line, before anything is connected', async () => {
  configure(pageSettings().replace("'*_cached_counter'", "'a.b.c.d'"));
  const pattern = await run('run');
  configure(pageSettings().replace('exclude', 'exlude'));
  const misspelt = await run('doctor');
  expect(pattern.stderr).toMatch(
    /^colophon: colophon\.config\.ts:5:30: columns\.ignore\[1\]: .*\[INVALID_OPTION\]\n$/,
  );
  expect(misspelt.stderr).toMatch(
    /^colophon: colophon\.config\.ts:6:5: unknown key "exlude" in columns, did you mean exclude: .*\[INVALID_OPTION\]\n$/,
  );
  expect([pattern.code, misspelt.code]).toEqual([1, 1]);
});
