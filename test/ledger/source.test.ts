import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createDatabase, dropDatabase, launchPostgres, type PostgresServer } from '@colophon/testkit';
import pg from 'pg';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { colophon } from '../colophon-command.js';
import { type Major, nativeDir } from '../embedded-postgres.js';
import { expectEnclosed, insertNoted, readLedger, storeOnce, TODO } from './noted-rows.js';

const native = nativeDir(Number(process.env.PG_MAJOR ?? 18) as Major);
const SLOT = 'colophon';

let server: PostgresServer;
let storeUrl: string;
let client: pg.Client;
let folder: string;
const running: PostgresServer[] = [];
beforeEach(async () => {
  storeUrl = await createDatabase(inject('serverUrl'));
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-backup-'));
  server = await launch();
  await connect();
  await client.query(TODO);
  await init();
});
afterEach(async () => {
  await client.end();
  for (const each of running.splice(0)) await each.stop();
  fs.rmSync(folder, { recursive: true });
  await dropDatabase(storeUrl);
});

async function launch(settings: Record<string, string> = {}): Promise<PostgresServer> {
  const launched = await launchPostgres({ native, settings });
  running.push(launched);
  return launched;
}
async function connect(): Promise<void> {
  await client?.end().catch(() => {});
  client = new pg.Client({ connectionString: server.url() });
  client.on('error', () => {});
  await client.connect();
}
const names = () => ['--source', server.url(), '--store', storeUrl];
const init = () => colophon('init', ...names(), '--tables', 'todo', '--yes');
const source = () => ({ url: server.url(), storeUrl, slot: SLOT });

/** What a file system's or virtual machine's snapshot is: everything as it was at one moment, the server running. */
async function snapshot(): Promise<void> {
  await server.halt('immediate');
  execFileSync('cp', ['-a', server.dataDir, path.join(folder, 'data')]);
  await server.restart();
  await connect();
}
async function putBack(): Promise<void> {
  await server.halt('immediate');
  fs.rmSync(server.dataDir, { recursive: true });
  execFileSync('cp', ['-a', path.join(folder, 'data'), server.dataDir]);
  await server.restart();
  await connect();
}

it.each([
  ['stands before what is stored', 3],
  // By positions alone it looks as if nothing had happened.
  ['has written as much again', 300],
])(
  'a source that was put back and %s loses and doubles nothing, and says what never happened',
  async (_, again) => {
    await insertNoted(client, 1, 2, 3);
    expect(await storeOnce(source())).toEqual([]);
    await snapshot();
    const undone = await insertNoted(client, ...Array.from({ length: 20 }, (_, at) => 11 + at));
    expect(await storeOnce(source())).toEqual([]);
    await putBack();
    const ids = Array.from({ length: again }, (_, at) => 101 + at);
    await insertNoted(client, ...ids);
    expect(await storeOnce(source())).toMatchObject([{ reason: 'source-restored' }]);
    await insertNoted(client, 1000);
    expect(await storeOnce(source())).toEqual([]);
    const ledger = await readLedger(storeUrl);
    expect(ledger.ids).toEqual([1, 2, 3, ...undone.map((row) => row.id), ...ids, 1000]);
    expect(ledger.gaps).toHaveLength(1);
    expectEnclosed(ledger.gaps[0]!, undone, []);
  },
);

it('a server that takes the source’s place is refused until init is run against it, and then a gap', async () => {
  await insertNoted(client, 1, 2);
  expect(await storeOnce(source())).toEqual([]);
  const unread = await insertNoted(client, 3);
  server = await launch();
  await connect();
  await client.query(TODO);
  // Set up as it should be, but nobody has said that it takes the other's place.
  const elsewhere = await createDatabase(inject('serverUrl'));
  await colophon('init', '--source', server.url(), '--store', elsewhere, '--tables', 'todo', '--yes');
  await dropDatabase(elsewhere);
  await insertNoted(client, 101);
  await expect(storeOnce(source())).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
  await expect(colophon('doctor', ...names())).rejects.toThrow('run colophon init');
  await init();
  const { gaps } = await readLedger(storeUrl);
  expect(gaps).toMatchObject([{ reason: 'source-replaced', approvedBy: 'colophon init as postgres' }]);
  expect(gaps[0]!.fromSystemIdentifier).not.toBe(gaps[0]!.toSystemIdentifier);
  // What the old server still had, and nobody read, is behind the start of the gap.
  expect(unread[0]!.before).toBeGreaterThanOrEqual(gaps[0]!.fromLsn!);
  expect(await storeOnce(source())).toEqual([]);
  await insertNoted(client, 102);
  expect(await storeOnce(source())).toEqual([]);
  await init();
  const after = await readLedger(storeUrl);
  expect(after.ids).toEqual([1, 2, 101, 102]);
  expect(after.gaps).toHaveLength(1);
});

it('a slot that the server gave up ends the run; drop and init go on, with a gap', async () => {
  const rows = await insertNoted(client, 1);
  expect(await storeOnce(source())).toEqual([]);
  await client.query("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'; ").catch(() => {});
  await client.query('SELECT pg_reload_conf()');
  rows.push(...(await insertNoted(client, 2)));
  for (let segment = 0; segment < 4; segment++) {
    await client.query("SELECT pg_logical_emit_message(false, 'x', repeat('x', 1000000))");
    await client.query('SELECT pg_switch_wal()');
  }
  await client.query('CHECKPOINT');
  await expect(storeOnce(source())).rejects.toMatchObject({ code: 'SLOT_INVALIDATED' });
  await colophon('drop', '--yes', ...names());
  await init();
  rows.push(...(await insertNoted(client, 3)));
  expect(await storeOnce(source())).toEqual([]);
  const { ids, gaps } = await readLedger(storeUrl);
  expect(ids).toEqual([1, 3]);
  expect(gaps.map((gap) => gap.reason)).toEqual(['slot-recreated']);
  expectEnclosed(gaps[0]!, rows, ids);
});
