import fs from 'node:fs';
import path from 'node:path';
import { createDatabase, type PostgresServer } from '@colophon/testkit';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { colophon, startColophon } from '../cli/colophon.js';
import { Authority } from './certificates.js';
import { launchRoleServer, sql } from './role-server.js';

// Dozens of commands a test.
vi.setConfig({ testTimeout: 240_000 });

let server: PostgresServer;
let authority: Authority;
let stranger: Authority;
let plain: string;

/** The database by the name that the certificate is for, or another, with a mode and roots. */
function url(mode: string, options: { host?: string; root?: Authority | null } = {}): string {
  const { host = 'localhost', root = authority } = options;
  const { port, pathname } = new URL(plain);
  return `postgres://postgres@${host}:${port}${pathname}?sslmode=${mode}${root === null ? '' : `&sslrootcert=${encodeURIComponent(root.file)}`}`;
}

/** Lets the server take only TLS, only plain text, or both. */
async function allow(...kinds: string[]): Promise<void> {
  const lines = kinds.flatMap((kind) => [`${kind} all all all trust`, `${kind} replication all all trust`]);
  fs.writeFileSync(path.join(server.dataDir, 'pg_hba.conf'), `local all all trust\n${lines.join('\n')}\n`);
}

async function use(files: { cert: string; key: string }): Promise<void> {
  await server.restart({
    ssl: 'on',
    ssl_cert_file: files.cert,
    ssl_key_file: files.key,
    log_connections: 'on',
  });
}

beforeAll(async () => {
  server = await launchRoleServer(18);
  authority = new Authority(server.dataDir, 'authority');
  stranger = new Authority(server.dataDir, 'stranger');
  plain = await createDatabase(server.url());
  await sql(plain, 'CREATE TABLE todo (id int PRIMARY KEY)');
  await allow('hostssl');
  await use(authority.issue('server', 'localhost'));
});
afterAll(async () => {
  await server?.stop();
});

/** One way to each connection that there is: setting up, the consumer's two, the store's. */
const COMMANDS = [['doctor'], ['run', '--once', '--timeout', '5'], ['log']];

const [DOCTOR, RUN, LOG] = COMMANDS as [string[], string[], string[]];

async function eachFails(
  source: string,
  code: string,
  words: RegExp,
  commands: readonly string[][] = COMMANDS,
): Promise<void> {
  for (const command of commands) {
    const done = await colophon([...command, '--source', source]);
    const lines = done.stderr.trim().split('\n');
    expect(lines.at(-1), command[0]).toMatch(new RegExp(`^colophon: .*\\[${code}\\]$`));
    expect(lines.at(-1), command[0]).toMatch(words);
    expect(done.code, command[0]).toBe(1);
    expect(done.stderr).not.toContain('Warning');
  }
}

it('verify-full encrypts every connection, the replication too', async () => {
  const source = url('verify-full');
  expect(await colophon(['init', '--source', source, '--tables', 'todo', '--yes'])).toMatchObject({
    code: 0,
  });
  // Plain text is refused here: what works is encrypted.
  const copied = await colophon(['snapshot', '--source', source]);
  expect(copied, copied.stderr).toMatchObject({ code: 0 });
  const run = startColophon(['run', '--source', source, '--verbose']);
  await sql(
    url('require', { root: null }).replace('sslmode=require', 'sslmode=no-verify'),
    'INSERT INTO todo VALUES (1)',
  );
  const tail = startColophon(['tail', '--source', source, '--json']);
  await tail.said('"CREATE"', 'stdout');
  const backends = await sql(
    source,
    `SELECT a.backend_type, s.ssl, count(*)::int AS n FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid)
      WHERE a.application_name LIKE 'colophon%' GROUP BY 1, 2 ORDER BY 1`,
  );
  expect(backends).toEqual([
    { backend_type: 'client backend', ssl: true, n: expect.any(Number) },
    { backend_type: 'walsender', ssl: true, n: 1 },
  ]);
  // Of `run` to the store, and of `tail`; the consumer's for the catalog may be closed by now.
  expect(backends[0]!.n).toBeGreaterThanOrEqual(2);
  run.child.kill('SIGTERM');
  tail.child.kill('SIGTERM');
  expect(await run.finished).toMatchObject({ code: 0 });
  await tail.finished;
});

it('says what is wrong with a certificate, in one line', async () => {
  await eachFails(
    url('verify-full', { root: stranger }),
    'TLS_FAILED',
    /no authority known here.*sslrootcert/,
  );
  await eachFails(url('verify-ca', { root: stranger }), 'TLS_FAILED', /no authority known here/, [LOG]);
  await eachFails(url('verify-full', { root: null }), 'TLS_FAILED', /no authority known here/, [RUN]);
  await eachFails(url('verify-full', { host: '127.0.0.1' }), 'TLS_FAILED', /for another host/);
  await use(authority.issue('expired', 'localhost', -1));
  await eachFails(url('verify-full'), 'TLS_FAILED', /has expired/, [RUN]);
  await use(authority.issue('by-address', '127.0.0.1'));
  await eachFails(url('verify-full'), 'TLS_FAILED', /for another host/, [DOCTOR]);
  expect(await colophon(['log', '--source', url('verify-full', { host: '127.0.0.1' })])).toMatchObject({
    code: 0,
  });
});

it('takes require and verify-ca as libpq does', async () => {
  await use(authority.issue('again', 'localhost'));
  for (const source of [
    url('require', { host: '127.0.0.1', root: null }),
    url('verify-ca', { host: '127.0.0.1' }),
  ]) {
    for (const command of COMMANDS) {
      const done = await colophon([...command, '--source', source]);
      expect(done, `${command[0]} ${source}: ${done.stderr}`).toMatchObject({ code: 0 });
      expect(done.stderr).not.toContain('Warning');
    }
  }
  // Who asks the server to prove who it is gets that, by the host's name too.
  const bound = (host: string) => `${url('require', { host })}&channel_binding=require`;
  expect(await colophon([...RUN, '--source', bound('localhost')])).toMatchObject({ code: 0 });
  await eachFails(bound('127.0.0.1'), 'TLS_FAILED', /for another host/, [RUN]);
  // With roots it verifies, as libpq does.
  await eachFails(url('require', { root: stranger }), 'TLS_FAILED', /no authority known here/, [RUN]);
});

it('never falls back to plain text', async () => {
  await eachFails(url('prefer'), 'INVALID_OPTION', /fall back to plain text/);
  await eachFails(url('allow'), 'INVALID_OPTION', /fall back to plain text/, [DOCTOR]);
  await eachFails(url('require').replace('sslmode', 'tls'), 'INVALID_OPTION', /isn't known here/, [DOCTOR]);
  // The server refuses plain text here: without a mode nothing else is tried.
  await eachFails(plain, 'AUTHENTICATION_FAILED', /pg_hba\.conf/);
  await allow('host');
  await server.restart({ ssl: 'off' });
  const connections = () => fs.readFileSync(server.logFile, 'utf8').split('connection authorized').length;
  const before = connections();
  await eachFails(url('require'), 'TLS_FAILED', /offers no TLS/);
  await eachFails(url('verify-ca'), 'TLS_FAILED', /offers no TLS/, [LOG]);
  await eachFails(url('verify-full'), 'TLS_FAILED', /offers no TLS/, [RUN]);
  expect(connections()).toBe(before);
  await sql(plain, 'SELECT 1');
  expect(connections()).toBe(before + 1);
});
