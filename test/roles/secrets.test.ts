import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createDatabase, type PostgresServer } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { colophon, startColophon } from '../cli/colophon.js';
import { as, launchRoleServer, sql } from './role-server.js';

vi.setConfig({ testTimeout: 240_000 });

const BIN = createRequire(import.meta.url).resolve('colophon/bin/colophon.js');
/** With what URLs encode, so that both forms have to be hidden. */
const SECRET = 'gh:7/Tz%q@x Lk';
const FORMS = [SECRET, encodeURIComponent(SECRET)];

let server: PostgresServer;
let url: string;
let secretUrl: string;

beforeAll(async () => {
  server = await launchRoleServer(18);
  url = await createDatabase(server.url());
  await sql(
    url,
    'CREATE TABLE todo (id int PRIMARY KEY)',
    `CREATE ROLE teller SUPERUSER LOGIN PASSWORD '${SECRET}'`,
  );
  fs.writeFileSync(
    path.join(server.dataDir, 'pg_hba.conf'),
    `host all postgres all trust\nhost all all all scram-sha-256\nhost replication all all scram-sha-256\n`,
  );
  await server.restart({
    log_statement: 'all',
    log_connections: 'on',
    log_min_duration_statement: 0,
    log_replication_commands: 'on',
  });
  secretUrl = as(url, 'teller', encodeURIComponent(SECRET));
  // What is looked for is where it should be: in the URL alone.
  expect(secretUrl).toContain(FORMS[1]);
});
afterAll(async () => {
  await server?.stop();
});

function expectSilent(text: string, where: string): void {
  for (const form of FORMS)
    expect(text.includes(form), `${where}: ${text.replaceAll(form, '<FOUND>')}`).toBe(false);
}

/** Runs a command that is told the URL by a flag, and to show where errors come from: nothing it says may hold the password. */
async function silently(source: string, code: number, ...args: string[]): Promise<void> {
  const done = await colophon([...args, '--source', source, '--debug']);
  expectSilent(done.stdout + done.stderr, args.join(' '));
  expect(done.code, `${args.join(' ')}: ${done.stderr}`).toBe(code);
}

it('no command says the password, where it works', async () => {
  await silently(secretUrl, 0, 'init', '--tables', 'todo', '--yes');
  await silently(secretUrl, 0, 'init', '--tables', 'todo', '--dry-run');
  await silently(secretUrl, 0, 'snapshot', '--json');
  await silently(secretUrl, 0, 'run', '--once', '--verbose');
  await silently(secretUrl, 0, 'status', '--json');
  await silently(secretUrl, 0, 'doctor', '--json');
  await silently(secretUrl, 0, 'log', '--json');
  await silently(secretUrl, 0, 'role', 'reader');
  await silently(secretUrl, 0, 'retention', '--keep', '400d', '--json');
});

it('nor where it fails', async () => {
  const wrongs = {
    host: Object.assign(new URL(secretUrl), { hostname: 'nowhere.invalid' }).href,
    port: Object.assign(new URL(secretUrl), { port: '1' }).href,
    database: Object.assign(new URL(secretUrl), { pathname: '/missing' }).href,
    role: as(url, 'nobody', encodeURIComponent(SECRET)),
    tls: `${secretUrl}?sslmode=require`,
    mode: `${secretUrl}?sslmode=prefer`,
    root: `${secretUrl}?sslmode=verify-full&sslrootcert=/missing`,
    scheme: secretUrl.replace('postgres:', 'mysql:'),
    parameter: `${secretUrl.replace(`:${encodeURIComponent(SECRET)}@`, '@')}?password=${encodeURIComponent(SECRET)}&sslmode=prefer`,
  };
  for (const source of Object.values(wrongs)) await silently(source, 1, 'doctor', '--json');
  for (const command of [['run', '--once', '--timeout', '3'], ['log'], ['snapshot']]) {
    await silently(wrongs.role, 1, ...command);
  }
  await silently(wrongs.tls, 1, 'run', '--once', '--timeout', '3');
  await silently(secretUrl, 1, 'init', '--tables', 'missing', '--yes');
  await silently(secretUrl, 1, 'role', 'emperor');
  await silently(secretUrl, 1, 'retention', '--keep', 'for ever');
  await silently(secretUrl, 1, 'log', '--since', 'long ago');
});

it('the process list and the server hold none while it runs', async () => {
  const env = { COLOPHON_SOURCE_URL: secretUrl };
  const run = startColophon(['run'], { env });
  const tail = startColophon(['tail', '--json'], { env });
  await sql(url, 'INSERT INTO todo VALUES (1)');
  await tail.said('"CREATE"', 'stdout');
  for (const { child } of [run, tail]) {
    expectSilent(fs.readFileSync(`/proc/${child.pid}/cmdline`, 'utf8'), 'cmdline');
  }
  const sessions = await sql(
    url,
    `SELECT to_jsonb(a)::text AS session FROM pg_stat_activity a WHERE application_name LIKE 'colophon%'`,
  );
  expect(sessions.length).toBeGreaterThanOrEqual(3);
  for (const { session } of sessions) expectSilent(String(session), 'pg_stat_activity');
  for (const { child } of [run, tail]) child.kill('SIGTERM');
  for (const { finished } of [run, tail]) {
    const { stdout, stderr } = await finished;
    expectSilent(stdout + stderr, 'run, tail');
  }
});

it('role takes a password from standard input, and tells the server only what it has to keep', async () => {
  const password = 'N3w pass/word: 100%';
  const give = async (...args: string[]) => {
    const child = spawn(
      process.execPath,
      [BIN, 'role', 'consumer', '--source', url, '--password-stdin', ...args],
      {
        env: { PATH: process.env.PATH },
        stdio: ['pipe', 'pipe', 'pipe'],
      },
    );
    child.stdin.end(`${password}\nwhat comes after it\n`);
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (said += text));
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(code, said).toBe(0);
    expect(said).not.toContain(password);
    return said;
  };
  expect(await give('--dry-run')).toContain(
    `CREATE ROLE "colophon_consumer" LOGIN REPLICATION PASSWORD '***';`,
  );
  const said = await give();
  expect(said).toContain("PASSWORD '***'");
  expect(said).not.toContain('SCRAM-SHA-256');
  expect(fs.readFileSync(server.logFile, 'utf8')).not.toContain(password);
  // The server takes that password now, and no other.
  const login = async (given: string) => {
    const client = new pg.Client({
      connectionString: as(url, 'colophon_consumer', encodeURIComponent(given)),
    });
    await client.connect();
    await client.end();
  };
  await login(password);
  await expect(login('another')).rejects.toMatchObject({ code: '28P01' });
});

it("the server's log, of all this and of every statement, holds none", () => {
  const log = fs.readFileSync(server.logFile, 'utf8');
  expect(log).toContain('colophon.open_source');
  // The statement by which this test itself made the role came before the log was asked for statements.
  expectSilent(log, 'the log');
});
