import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { createDatabase, dropDatabase, launchPostgres, type PostgresServer } from '@colophon/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { catalogSnapshot } from '../cli/catalog-snapshot.js';
import { colophon } from '../cli/colophon.js';
import { nativeDir } from '../embedded-postgres.js';
import { as, sql } from '../roles/role-server.js';

const BIN = createRequire(import.meta.url).resolve('colophon/bin/colophon.js');
const SPACE = ' ';
const ENTER = '\r';
const DOWN = '\x1b[B';
const CTRL_C = '\x03';

let server: PostgresServer;
let url: string;
let folder: string;

beforeAll(async () => {
  server = await launchPostgres({ native: nativeDir(18) });
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-init-'));
});
afterAll(async () => {
  fs.rmSync(folder, { recursive: true });
  await server.stop();
});
beforeEach(async () => {
  url = await createDatabase(server.url());
  await sql(
    url,
    `CREATE TABLE account (id int PRIMARY KEY); CREATE TABLE todo (id int PRIMARY KEY, v int);
     CREATE UNLOGGED TABLE zz_light (id int); CREATE SCHEMA sales; CREATE TABLE sales."order" (id int PRIMARY KEY)`,
  );
});
afterEach(async () => {
  await sql(url, `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots`);
  await dropDatabase(url);
});

/** The command on a terminal of its own, 80 columns wide. */
class Terminal {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly ended: Promise<number | null>;
  #said = '';
  #from = 0;
  #listener: () => void = () => {};

  constructor(...args: string[]) {
    const command = [process.execPath, BIN, ...args].map((word) => `'${word}'`).join(' ');
    this.#child = spawn('script', ['-qec', `stty cols 80 rows 40; ${command}`, '/dev/null'], {
      cwd: folder,
      env: { PATH: process.env.PATH, TERM: 'xterm', NO_COLOR: '1' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
      this.#listener();
    });
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code) => {
        resolve(code);
        this.#listener();
      });
    });
  }

  /** What it wrote, without what moves the cursor. */
  get text(): string {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
    return this.#said.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '');
  }

  /** Resolves once the text is there, behind what was waited for before. */
  said(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const at = this.text.indexOf(text, this.#from);
        if (at >= 0) {
          this.#from = at + text.length;
          this.#listener = () => {};
          resolve();
        } else if (this.#child.exitCode !== null)
          reject(new Error(`ended without ${JSON.stringify(text)}: ${this.text}`));
      };
      this.#listener = look;
      look();
    });
  }

  press(...keys: string[]): void {
    for (const key of keys) this.#child.stdin.write(key);
  }
}

const published = async () =>
  (await sql(url, `SELECT schemaname || '.' || tablename AS t FROM pg_publication_tables ORDER BY 1`)).map(
    ({ t }) => t,
  );

it('asks which tables, what becomes of later ones, shows every statement, and only then begins', async () => {
  const before = await catalogSnapshot(url, 'all');
  const first = new Terminal('init', '--source', url);
  await first.said('Which tables are to be tracked?');
  await first.said('zz_light');
  first.press(DOWN, SPACE, ENTER);
  await first.said('Tables that are made later?');
  first.press(DOWN, ENTER);
  await first.said('ADD TABLE ONLY "public"."todo"');
  await first.said('[y/N]');
  expect(await catalogSnapshot(url, 'all')).toBe(before);
  const shown = first.text;
  for (const statement of [
    'In the store: schema colophon, version',
    'CREATE PUBLICATION "colophon"',
    'CREATE EVENT TRIGGER colophon_ddl',
    'CREATE EVENT TRIGGER colophon_track',
    'ALTER TABLE "public"."todo" REPLICA IDENTITY FULL',
    'pg_create_logical_replication_slot',
    "! zz_light can't be tracked: it is unlogged",
  ]) {
    expect(shown).toContain(statement);
  }
  expect(shown).not.toContain('ONLY "public"."account"');
  first.press(`y${ENTER}`);
  await first.said('Tracked: todo.');
  expect(await first.ended).toBe(0);
  expect(await published()).toEqual(['public.todo']);

  // What is tracked is chosen already; what was said of later ones isn't asked again.
  await sql(url, 'CREATE TABLE added (id int PRIMARY KEY)');
  const second = new Terminal('init', '--source', url);
  await second.said('Which tables are to be tracked?');
  await second.said('zz_light');
  second.press(ENTER);
  await second.said('nothing had to be changed');
  expect(await second.ended).toBe(0);
  expect(await published()).toEqual(['public.added', 'public.todo']);
});

it.each([
  ['at the tables', async (terminal: Terminal) => terminal.said('zz_light')],
  [
    'at the last question',
    async (terminal: Terminal) => {
      await terminal.said('zz_light');
      terminal.press(SPACE, ENTER);
      await terminal.said('Tables that are made later?');
      terminal.press(ENTER);
      await terminal.said('[y/N]');
    },
  ],
])('Ctrl-C %s changes nothing', async (_, upTo) => {
  const before = await catalogSnapshot(url, 'all');
  const terminal = new Terminal('init', '--source', url);
  await upTo(terminal);
  terminal.press(CTRL_C);
  await terminal.said('nothing was changed');
  expect(await terminal.ended).not.toBe(0);
  expect(await catalogSnapshot(url, 'all')).toBe(before);
});

it('without a terminal and without tables is an error, and a pattern that finds nothing too', async () => {
  expect((await colophon(['init', '--source', url])).stderr).toMatch(/Which tables\?.*\[INVALID_OPTION\]/);
  expect((await colophon(['init', '--source', url, '--tables', 'sale.*'])).stderr).toMatch(
    /matches sale\.\*.*\[TABLE_MISSING\]/,
  );
  expect(await sql(url, 'SELECT FROM pg_publication')).toEqual([]);
});

/** The script, as an administrator would run it. */
function psql(script: string): void {
  const { status, stderr } = spawnSync('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', url, '-f', '-'], {
    input: script,
    encoding: 'utf8',
  });
  expect(stderr).not.toContain('ERROR');
  expect(status).toBe(0);
}

it('--print-sql prints all of it: run by psql, init finds nothing to do, and run works', async () => {
  const init = ['--source', url, '--tables', 'sales.*,todo', '--new-tables', 'auto'];
  const before = await catalogSnapshot(url, 'all');
  const { code, stdout } = await colophon(['init', ...init, '--print-sql']);
  expect(code).toBe(0);
  expect(await catalogSnapshot(url, 'all')).toBe(before);
  psql(stdout);
  const byScript = await catalogSnapshot(url, 'all');
  const again = await colophon(['init', ...init, '--yes']);
  expect(again).toMatchObject({ code: 0 });
  expect(again.stderr).toContain('nothing had to be changed');
  expect(again.stderr).not.toContain('✓');
  expect(await catalogSnapshot(url, 'all')).toBe(byScript);
  expect((await colophon(['init', ...init, '--print-sql'])).stdout).toContain(
    '-- Nothing has to be changed.',
  );
  await sql(url, 'INSERT INTO todo VALUES (1, 1); UPDATE todo SET v = 2');
  expect(await colophon(['run', '--once', '--source', url])).toMatchObject({ code: 0 });
  expect(await sql(url, 'SELECT operation FROM colophon.changes ORDER BY seq')).toEqual([
    { operation: 'CREATE' },
    { operation: 'UPDATE' },
  ]);
  // What the command itself would have made is the same.
  await colophon(['drop', '--source', url, '--yes', '--store-too']);
  await colophon(['init', ...init, '--yes']);
  const byCommand = await rightsAndCode();
  await colophon(['drop', '--source', url, '--yes', '--store-too']);
  psql(stdout);
  expect(await rightsAndCode()).toEqual(byCommand);
});

it('--print-sql for somebody without rights: the administrator runs it, and init goes on as before', async () => {
  await sql(url, 'CREATE ROLE printer LOGIN REPLICATION; ALTER TABLE todo OWNER TO printer');
  const database = new URL(url).pathname.slice(1);
  await sql(url, `GRANT CREATE ON DATABASE ${database} TO printer`);
  const init = ['init', '--source', as(url, 'printer'), '--tables', 'todo'];
  psql((await colophon([...init, '--print-sql'])).stdout);
  const again = await colophon([...init, '--yes']);
  expect(again).toMatchObject({ code: 0 });
  expect(again.stderr).toContain('nothing had to be changed');
  expect(await colophon(['run', '--once', '--source', as(url, 'printer')])).toMatchObject({ code: 0 });
  await colophon(['drop', '--source', url, '--yes', '--store-too']);
  await sql(url, 'REASSIGN OWNED BY printer TO postgres; DROP OWNED BY printer; DROP ROLE printer');
});

/** Everything in the schema that is somebody's, with who may do what, and each function's text. */
async function rightsAndCode(): Promise<unknown> {
  return sql(
    url,
    `SELECT c.relname::text AS name, pg_get_userbyid(c.relowner)::text AS owner, c.relacl::text AS acl, c.relkind::text AS what
       FROM pg_class c WHERE c.relnamespace = 'colophon'::regnamespace
     UNION ALL
     SELECT p.oid::regprocedure::text, pg_get_userbyid(p.proowner), p.proacl::text, pg_get_functiondef(p.oid)
       FROM pg_proc p WHERE p.pronamespace = 'colophon'::regnamespace ORDER BY 1, 4`,
  );
}
