import { createDatabase, dropDatabase } from '@colophon/testkit';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { sql } from './catalog-snapshot.js';
import { colophon } from './colophon.js';
import { type FakeServer, handshakeServer, silentServer } from './fake-server.js';

const COMMANDS = [
  ['init', '--tables', 'todo'],
  ['run'],
  ['run', '--once'],
  ['run', '--once', '--sink', 'ndjson'],
  ['status'],
  ['tail'],
  ['log'],
  ['doctor'],
  ['drop', '--yes'],
];
const TIMEOUT_MS = 1500;
// Starting Node on a busy machine, and taking leave.
const GRACE_MS = 8000;

describe.each([
  ['a host that never answers', silentServer],
  ['a server that answers no statement', () => handshakeServer('17.2')],
])('%s', (_, start) => {
  let server: FakeServer;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.close());

  it.each(COMMANDS.map((args) => [args.join(' '), args] as const))('%s ends', async (_name, args) => {
    const finished = await colophon([...args, '--source', server.url, '--timeout', `${TIMEOUT_MS}ms`]);
    expect(finished.code).toBe(1);
    expect(finished.stderr.trim().split('\n').at(-1)).toMatch(
      /^colophon: .*\[(TIMEOUT|CONNECTION_FAILED|CONNECTION_LOST)\]$/,
    );
    expect(finished.stderr + finished.stdout).not.toContain('hunter22secret');
    expect(finished.ms).toBeGreaterThan(TIMEOUT_MS);
    expect(finished.ms).toBeLessThan(TIMEOUT_MS + GRACE_MS);
  });
});

describe('a store that never answers', () => {
  let url: string;
  let server: FakeServer;
  beforeAll(async () => {
    url = await createDatabase(inject('serverUrl'));
    await sql(url, 'CREATE TABLE todo (id int PRIMARY KEY)');
    server = await silentServer();
    expect(
      await colophon(['init', '--source', url, '--tables', 'todo', '--slot', 'cli_timeout']),
    ).toMatchObject({ code: 0 });
  });
  afterAll(async () => {
    await server.close();
    await dropDatabase(url);
  });

  it.each(
    COMMANDS.filter((args) => args.at(-1) !== 'ndjson' && args[0] !== 'drop').map(
      (args) => [args.join(' '), args] as const,
    ),
  )('%s ends', async (_name, args) => {
    const finished = await colophon([
      ...args,
      ...(['log', 'tail'].includes(args[0]!) ? [] : ['--slot', 'cli_timeout']),
      '--source',
      url,
      '--store',
      server.url,
      '--timeout',
      `${TIMEOUT_MS}ms`,
    ]);
    expect(finished.code).toBe(1);
    expect(finished.stderr + finished.stdout).not.toContain('hunter22secret');
    // The store's own connection attempt may take up to ten seconds.
    expect(finished.ms).toBeLessThan(TIMEOUT_MS + 10_000 + GRACE_MS);
  });
});
