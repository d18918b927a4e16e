import { createDatabase, dropDatabase, startProxy, type TcpProxy } from '@colophon/testkit';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { sql } from '../cli/catalog-snapshot.js';
import { colophon, startColophon } from '../cli/colophon.js';

const PASSWORD = 'hush"=\\%&hush';
const SLOT = 'watch_log';
let url: string;
let secretUrl: string;
let proxy: TcpProxy;

beforeAll(async () => {
  const server = new URL(inject('serverUrl'));
  proxy = await startProxy({ host: server.hostname, port: Number(server.port) });
  url = await createDatabase(server.href);
  await sql(url, 'CREATE TABLE todo (id int PRIMARY KEY, title text)');
  await colophon(['init', '--source', url, '--slot', SLOT, '--tables', 'todo', '--environment', 'test']);
  const secret = new URL(proxy.url(url));
  secret.password = encodeURIComponent(PASSWORD);
  secretUrl = secret.href;
});
afterAll(async () => {
  await proxy.close();
  await dropDatabase(url);
});

const linesOf = (stderr: string): Record<string, unknown>[] =>
  stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

it('--log json: all that run says is an object a line, with fields of fixed names and no secret', async () => {
  const run = startColophon([
    'run',
    '--source',
    secretUrl,
    '--slot',
    SLOT,
    '--environment',
    'test',
    '--log',
    'json',
  ]);
  await run.said('"Reading');
  await sql(url, `INSERT INTO todo VALUES (1, 'a secret title')`);
  proxy.refuse(true);
  proxy.cut();
  await run.said('trying again');
  proxy.refuse(false);
  await run.said('"Reading', 'stderr', 2);
  await sql(url, `INSERT INTO todo VALUES (2, 'another')`);
  run.child.kill('SIGTERM');
  const { code, stdout, stderr } = await run.finished;
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  const lines = linesOf(stderr);
  for (const line of lines) {
    expect(Object.keys(line).slice(0, 3)).toEqual(['level', 'time', 'pid']);
    expect(Object.keys(line).at(-1)).toBe('msg');
    expect(Date.now() - Date.parse(String(line.time))).toBeLessThan(120_000);
  }
  const reading = lines.find(({ msg }) => String(msg).startsWith('Reading'));
  expect(reading).toMatchObject({ level: 'info', slot: SLOT, state: 'streaming', environment: 'test' });
  const failed = lines.find(({ level }) => level === 'warn');
  expect(failed).toMatchObject({ slot: SLOT, state: expect.any(String) });
  expect(failed?.code).toMatch(/^CONNECTION_/);
  expect(lines.at(-1)).toMatchObject({ msg: expect.stringMatching(/^Stored \d+ change/), state: 'stopped' });
  expect(stderr).not.toContain('hush');
  expect(stderr).not.toContain('secret title');
});

it('--log json: what ends it is a line, too', async () => {
  const missing = await colophon(['run', '--source', secretUrl, '--slot', 'watch_missing'], {
    env: { COLOPHON_LOG: 'json' },
  });
  expect(missing.code).toBe(1);
  expect(linesOf(missing.stderr).at(-1)).toMatchObject({ level: 'error', code: 'SLOT_MISSING' });
  const debug = await colophon([
    'run',
    '--once',
    '--source',
    url,
    '--slot',
    SLOT,
    '--log',
    'json',
    '--verbose',
  ]);
  expect(
    linesOf(debug.stderr)
      .filter(({ level }) => level === 'debug')
      .map(({ state }) => state),
  ).toEqual(expect.arrayContaining(['connecting', 'streaming', 'stopping', 'stopped']));
});

it('--log-level leaves out what matters less, in both forms', async () => {
  for (const form of ['text', 'json']) {
    const quiet = await colophon([
      'run',
      '--once',
      '--source',
      url,
      '--slot',
      SLOT,
      '--log',
      form,
      '--log-level',
      'warn',
    ]);
    expect(quiet).toMatchObject({ code: 0, stderr: '' });
    const failing = await colophon([
      ...['run', '--once', '--source', url, '--slot', 'watch_missing', '--log', form, '--log-level', 'error'],
    ]);
    expect(failing.stderr.trim().split('\n')).toHaveLength(1);
    expect(failing.stderr).toContain('SLOT_MISSING');
  }
  for (const wrong of [
    ['--log', 'xml'],
    ['--log-level', 'loud'],
    ['--warn-retained', 'much'],
  ]) {
    const refused = await colophon(['run', '--source', url, ...wrong]);
    expect(refused.stderr).toContain('[INVALID_OPTION]');
  }
});
