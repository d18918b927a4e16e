import fs from 'node:fs';
import path from 'node:path';
import {
  createDatabase,
  dropDatabase,
  freePort,
  launchPostgres,
  type PostgresServer,
} from '@colophon/testkit';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { nativeDir } from '../embedded-postgres.js';
import { catalogSnapshot, sql } from './catalog-snapshot.js';
import { colophon, type Finished } from './colophon.js';
import { handshakeServer } from './fake-server.js';

const TABLES = ['--tables', 'todo'];
const COMMANDS: [name: string, args: string[]][] = [
  ['init', ['init', ...TABLES]],
  ['run', ['run']],
  ['run --once', ['run', '--once']],
  ['doctor', ['doctor']],
];

/** One line on stderr with this code, what doctor found apart; not zero; no stack. */
function expectOneLine(finished: Finished, code: string, ...words: string[]): void {
  const lines = finished.stderr.trim().split('\n');
  expect(lines, finished.stderr).toHaveLength(1);
  expect(lines[0]).toContain(`[${code}]`);
  for (const word of words) expect(lines[0]).toContain(word);
  expect(finished.code).toBe(1);
  expect(finished.stderr + finished.stdout).not.toMatch(/\n\s+at /);
}

describe.each(COMMANDS)('%s', (_name, args) => {
  it.each(['not a url', 'http://127.0.0.1/app', 'postgres://127.0.0.1:port/app', 'postgres://', ''])(
    'refuses %j as a URL',
    async (source) => {
      expectOneLine(await colophon([...args, '--source', source]), 'INVALID_OPTION');
    },
  );

  it('says that no source is given', async () => {
    expectOneLine(await colophon(args), 'INVALID_OPTION', '--source', 'DATABASE_URL');
  });

  it('knows PostgreSQL 13 by its handshake', async () => {
    const server = await handshakeServer('13.14 (Debian 13.14-1)');
    const finished = await colophon([...args, '--source', server.url, '--timeout', '20']);
    await server.close();
    expectOneLine(finished, 'UNSUPPORTED_SERVER', '13', '14');
    expect(finished.stderr + finished.stdout).not.toContain('hunter22secret');
    expect(finished.ms).toBeLessThan(10_000);
  });

  it('says that a host refuses connections', async () => {
    const source = `postgres://app:hunter22secret@127.0.0.1:${await freePort()}/app`;
    const finished = await colophon([...args, '--source', source, '--timeout', '1', '--debug']);
    expect(finished.code).toBe(1);
    expect(finished.stderr).toContain('[CONNECTION_FAILED]');
    expect(finished.stderr + finished.stdout).not.toContain('hunter22secret');
    expect(finished.ms).toBeLessThan(8_000);
  });
});

describe('a server that wants a password', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await launchPostgres({ native: nativeDir(18) });
    await sql(
      server.url(),
      `CREATE TABLE todo (id int PRIMARY KEY); ALTER ROLE postgres PASSWORD 'right-one'`,
    );
    fs.writeFileSync(
      path.join(server.dataDir, 'pg_hba.conf'),
      'host all all 127.0.0.1/32 scram-sha-256\nhost replication all 127.0.0.1/32 scram-sha-256\n',
    );
    await server.restart();
  });
  afterAll(() => server.stop());

  it.each(COMMANDS)('%s is refused with a wrong one at once, and never shows it', async (_, args) => {
    const right = server.url().replace('postgres@', 'postgres:right-one@');
    const before = await catalogSnapshot(right, 'all');
    const wrong = server.url().replace('postgres@', 'postgres:wrong-one%21@');
    const finished = await colophon([...args, '--source', wrong, '--debug']);
    expect(finished.code).toBe(1);
    expect(finished.stderr).toContain('[AUTHENTICATION_FAILED]');
    expect(finished.stderr + finished.stdout).not.toMatch(/wrong-one/);
    expect(finished.ms).toBeLessThan(10_000);
    expectOneLine(await colophon([...args, '--source', server.url()]), 'AUTHENTICATION_FAILED');
    expect(await catalogSnapshot(right, 'all')).toBe(before);
  });

  it.each(['status', 'log', 'tail'])('%s, which only reads, is told that none is set', async (command) => {
    expectOneLine(await colophon([command, '--source', server.url()]), 'AUTHENTICATION_FAILED', 'PGPASSWORD');
  });
});

describe('wal_level = replica', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await launchPostgres({ native: nativeDir(16), settings: { wal_level: 'replica' } });
    await sql(server.url(), `CREATE TABLE todo (id int PRIMARY KEY)`);
  });
  afterAll(() => server.stop());

  it.each(COMMANDS)('%s says how to change it', async (_, args) => {
    const before = await catalogSnapshot(server.url(), 'all');
    expectOneLine(
      await colophon([...args, '--source', server.url()]),
      'WAL_LEVEL',
      'replica',
      'logical',
      'ALTER SYSTEM',
      'restart',
    );
    expect(await catalogSnapshot(server.url(), 'all')).toBe(before);
  });
});

describe('on a good server', () => {
  let url: string;
  let before: string;
  beforeAll(async () => {
    url = await createDatabase(inject('serverUrl'));
    await sql(
      url,
      `CREATE TABLE todo (id int PRIMARY KEY); CREATE VIEW seen AS SELECT * FROM todo; CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY);
       DO $$ BEGIN CREATE ROLE cli_plain LOGIN; EXCEPTION WHEN duplicate_object THEN END $$;
       DO $$ BEGIN CREATE ROLE cli_reader LOGIN REPLICATION; EXCEPTION WHEN duplicate_object THEN END $$`,
    );
    before = await catalogSnapshot(url, 'all');
  });
  afterAll(() => dropDatabase(url));

  const as = (role: string) => url.replace('postgres@', `${role}@`);

  it.each(COMMANDS)('%s says that the database is missing', async (_, args) => {
    const source = url.replace(/[^/]*$/, 'no_such_database');
    expectOneLine(await colophon([...args, '--source', source]), 'DATABASE_MISSING', 'no_such_database');
  });

  it.each([
    ['init', ['init', ...TABLES]],
    ['doctor', ['doctor']],
  ])('%s says that the role may not replicate', async (_, args) => {
    expectOneLine(
      await colophon([...args, '--source', as('cli_plain')]),
      'PRIVILEGE_MISSING',
      'cli_plain',
      'REPLICATION',
    );
    expect(await catalogSnapshot(url, 'all')).toBe(before);
  });

  it.each(['run', 'doctor'])('%s says that init was not run', async (command) => {
    const finished = await colophon([command, '--source', url]);
    expectOneLine(finished, 'PUBLICATION_MISSING', 'colophon init');
    expect(await catalogSnapshot(url, 'all')).toBe(before);
  });

  it.each(['run', 'doctor'])('%s says that the slot is missing', async (command) => {
    await sql(
      url,
      'CREATE PUBLICATION without_slot FOR TABLE todo',
      await withGenerated(url, 'without_slot'),
    );
    const there = await catalogSnapshot(url, 'all');
    const finished = await colophon([
      command,
      '--source',
      url,
      '--publication',
      'without_slot',
      '--slot',
      'no_such_slot',
    ]);
    expectOneLine(finished, 'SLOT_MISSING', 'no_such_slot', 'colophon init');
    expect(await catalogSnapshot(url, 'all')).toBe(there);
    await sql(url, 'DROP PUBLICATION without_slot');
  });

  it.each([
    ['nothing_here', 'TABLE_MISSING', 'nothing_here'],
    ['TODO', 'TABLE_MISSING', 'there is todo'],
    ['other.todo', 'TABLE_MISSING', 'other.todo'],
    ['todo,seen', 'TABLE_UNSUITABLE', 'view'],
    ['todo,fleeting', 'TABLE_UNSUITABLE', 'SET LOGGED'],
    ['pg_catalog.pg_class', 'TABLE_UNSUITABLE', 'PostgreSQL'],
    ['todo,', 'INVALID_OPTION', 'list of tables'],
  ])('init --tables %s changes nothing', async (tables, code, words) => {
    expectOneLine(await colophon(['init', '--source', url, '--tables', tables]), code, words);
    expect(await catalogSnapshot(url, 'all')).toBe(before);
  });

  it('init without the right to make the store names --store, and changes nothing', async () => {
    await sql(url, 'CREATE PUBLICATION mine FOR TABLE todo; ALTER TABLE todo OWNER TO cli_reader');
    await sql(
      url,
      'ALTER TABLE todo REPLICA IDENTITY FULL; ALTER PUBLICATION mine OWNER TO cli_reader',
    ).catch(() => {});
    const there = await catalogSnapshot(url, 'all');
    const finished = await colophon([
      'init',
      '--source',
      as('cli_reader'),
      '--publication',
      'mine',
      '--slot',
      'cli_reader',
      ...TABLES,
    ]);
    expect(finished.code).toBe(1);
    expect(await catalogSnapshot(url, 'all')).toBe(there);
    await sql(
      url,
      `ALTER PUBLICATION mine SET (publish_via_partition_root = false); ${await withGenerated(url, 'mine')}`,
    );
    const again = await catalogSnapshot(url, 'all');
    expectOneLine(
      await colophon([
        'init',
        '--source',
        as('cli_reader'),
        '--publication',
        'mine',
        '--slot',
        'cli_reader',
        ...TABLES,
      ]),
      'PRIVILEGE_MISSING',
      '--store',
    );
    expect(await catalogSnapshot(url, 'all')).toBe(again);
    await sql(
      url,
      'DROP PUBLICATION mine; ALTER TABLE todo OWNER TO postgres; ALTER TABLE todo REPLICA IDENTITY DEFAULT',
    );
  });

  it('init by somebody who does not own the table says so', async () => {
    await sql(url, `GRANT CREATE ON DATABASE ${new URL(url).pathname.slice(1)} TO cli_reader`);
    const there = await catalogSnapshot(url, 'all');
    expectOneLine(
      await colophon(['init', '--source', as('cli_reader'), ...TABLES]),
      'PRIVILEGE_MISSING',
      'todo',
      'owner',
    );
    expect(await catalogSnapshot(url, 'all')).toBe(there);
    await sql(url, `REVOKE CREATE ON DATABASE ${new URL(url).pathname.slice(1)} FROM cli_reader`);
  });

  it.each([
    [['log'], 'STORE_MISSING'],
    [['tail'], 'STORE_MISSING'],
    [['log', '--since', 'yesterday'], 'INVALID_OPTION'],
    [['log', '--context', 'user'], 'INVALID_OPTION'],
    [['log', '--operation', 'SELECT'], 'INVALID_OPTION'],
    [['log', '--limit', '-1'], 'INVALID_OPTION'],
    [['log', '--timeout', 'soon'], 'INVALID_OPTION'],
    [['log', '--nonsense'], 'INVALID_OPTION'],
    [['run', '--sink', 'nowhere'], 'INVALID_OPTION'],
    [['nonsense'], 'INVALID_OPTION'],
    [['init', '--tables', 'todo', '--all-tables'], 'INVALID_OPTION'],
    [['init'], 'INVALID_OPTION'],
    [['init', '--tables', 'todo', '--slot', 'Not-A-Slot'], 'INVALID_OPTION'],
  ])('%j is refused in one line', async (args, code) => {
    expectOneLine(await colophon(args, { env: { DATABASE_URL: url } }), code);
  });
});

/** On 18 a publication leaves generated columns out unless told otherwise. */
async function withGenerated(url: string, publication: string): Promise<string> {
  const [row] = await sql(url, `SELECT current_setting('server_version_num')::int AS number`);
  return Number(row?.number) >= 180_000
    ? `ALTER PUBLICATION ${publication} SET (publish_generated_columns = stored)`
    : 'SELECT 1';
}

it.each(['init', 'run', 'status', 'tail', 'log', 'doctor', 'drop'])(
  '%s --help says what it takes',
  async (command) => {
    const { code, stdout, stderr } = await colophon([command, '--help']);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toContain('--timeout');
    expect(stdout).toContain('--source');
  },
);
