import { createDatabase, dropDatabase } from '@colophon/testkit';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { BEMI_CHANGES } from '../import/bemi-changes.js';
import { sql } from './catalog-snapshot.js';
import { colophon } from './colophon.js';
import { deafServer } from './deaf-server.js';
import { type FakeServer, handshakeServer, silentServer } from './fake-server.js';

/** How each command is called, in every way that reaches servers by another road. */
const WAYS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  init: [['--tables', 'todo']],
  doctor: [[]],
  run: [[], ['--once'], ['--once', '--sink', 'ndjson']],
  tables: [[], ['--new-tables', 'manual'], ['track', 'todo'], ['untrack', 'todo', '--yes']],
  import: [['bemi'], ['bemi', '--print-cleanup']],
  snapshot: [[]],
  status: [[]],
  tail: [[]],
  log: [[], ['--ddl']],
  retention: [['--keep', '400d']],
  role: [['consumer'], ['application'], ['reader', '--dry-run']],
  drop: [['--yes'], ['--yes', '--store-too']],
};
const COMMANDS = Object.entries(WAYS).flatMap(([name, ways]) => ways.map((way) => [name, ...way]));
/** What has nothing to ask of a store. */
const SOURCE_ALONE = [
  'run --once --sink ndjson',
  'role application',
  'drop --yes',
  'tables',
  'tables --new-tables manual',
  'tables track todo',
  'tables untrack todo --yes',
  'import bemi --print-cleanup',
];
/** What one alone can have the slot for. */
const SLOT_HOLDERS = ['run', 'drop'];
/** What has no slot. */
const WITHOUT_SLOT = ['import', 'log', 'tail', 'retention', 'role'];

const TIMEOUT_MS = 1500;
// Starting Node on a busy machine, several at once, and taking leave.
const GRACE_MS = 8000;
const AT_ONCE = 4;
const LAST_LINE = /^colophon: .*\[(TIMEOUT|CONNECTION_FAILED|CONNECTION_LOST)\]$/;

/** The flags that lead a command to this database. */
const from = (url: string) => (name: string) => [
  ...['--source', url],
  ...(name === 'import' ? ['--from', url] : []),
];

/** Runs every command of the list, a few at a time: they mostly wait. */
async function runAll(
  commands: readonly (readonly string[])[],
  connection: (name: string) => readonly string[],
  least: number,
  atOnce = AT_ONCE,
): Promise<void> {
  const queue = [...commands];
  const work = async () => {
    for (let args = queue.shift(); args !== undefined; args = queue.shift()) {
      const flags = [...connection(args[0]!), '--timeout', `${TIMEOUT_MS}ms`];
      const { code, stderr, stdout, ms } = await colophon([...args, ...flags]);
      const line = stderr.trim().split('\n').at(-1);
      const name = args.join(' ');
      expect({ name, code, line }).toEqual({ name, code: 1, line: expect.stringMatching(LAST_LINE) });
      expect(stderr + stdout, name).not.toContain('hunter22secret');
      expect(ms, name).toBeGreaterThan(least);
      expect(ms, name).toBeLessThan(TIMEOUT_MS + GRACE_MS);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

it('every command is here', async () => {
  const { stdout } = await colophon(['--help']);
  const [, listed = ''] = stdout.split(/^Commands:$/m);
  const names = [...listed.split('\n\n')[0]!.matchAll(/^ {2}([a-z][a-z-]*) /gm)].map(([, name]) => name!);
  expect(names.length).toBeGreaterThan(8);
  expect(Object.keys(WAYS).sort()).toEqual(names.sort());
});

describe.each([
  ['a host that does not take connections', deafServer],
  ['a host that takes them and never answers', silentServer],
  ['a server that answers no statement', () => handshakeServer('17.2')],
])('%s', (_, start) => {
  let server: FakeServer;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.close());

  it('ends every command in time', () => runAll(COMMANDS, from(server.url), TIMEOUT_MS));
});

it("a name that can't be found ends every command in time", () =>
  runAll(COMMANDS, from('postgres://app:hunter22secret@host.invalid/app'), 0));

describe('a source that is well', () => {
  let url: string;
  beforeAll(async () => {
    url = await createDatabase(inject('serverUrl'));
    await sql(url, 'CREATE TABLE todo (id int PRIMARY KEY)', BEMI_CHANGES);
    expect(
      await colophon(['init', '--source', url, '--tables', 'todo', '--slot', 'cli_timeout']),
    ).toMatchObject({ code: 0 });
  });
  afterAll(() => dropDatabase(url));

  it.each([
    ['does not take connections', deafServer],
    ['never answers', silentServer],
    ['answers no statement', () => handshakeServer('17.2')],
  ])('and a store that %s: ends every command in time', async (_, start) => {
    const server = await start();
    try {
      const asking = COMMANDS.filter((args) => !SOURCE_ALONE.includes(args.join(' ')));
      const flags = (name: string) => [
        ...from(url)(name),
        ...['--store', server.url],
        ...(WITHOUT_SLOT.includes(name) ? [] : ['--slot', 'cli_timeout']),
      ];
      const holders = asking.filter(([name]) => SLOT_HOLDERS.includes(name!));
      const others = asking.filter((args) => !holders.includes(args));
      await Promise.all([
        runAll(others, flags, TIMEOUT_MS, AT_ONCE - 1),
        runAll(holders, flags, TIMEOUT_MS, 1),
      ]);
      // What the list asks of a store is an extra.
      const listed = await colophon(['tables', ...flags('tables'), '--timeout', `${TIMEOUT_MS}ms`]);
      expect(listed).toMatchObject({
        code: 0,
        stderr: expect.stringContaining("Changes a day aren't known"),
      });
      expect(listed.ms).toBeLessThan(TIMEOUT_MS + GRACE_MS);
    } finally {
      await server.close();
    }
    // Nothing was done halfway.
    expect(await sql(url, 'SELECT FROM pg_publication')).toHaveLength(1);
    expect(await sql(url, "SELECT FROM pg_replication_slots WHERE slot_name = 'cli_timeout'")).toHaveLength(
      1,
    );
  });
});
