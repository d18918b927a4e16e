import { runWithContext } from '@colophon/context';
import { instrument } from '@colophon/pg';
import { startProxy, type TcpProxy } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';

type Work = (client: pg.Client) => Promise<unknown>;

const INSERT = 'INSERT INTO note (v) VALUES ($1)';
const CASES: [string, number, Work][] = [
  ['an autocommit write with values', 1, (c) => c.query(INSERT, ['a'])],
  ['an autocommit write without values', 1, (c) => c.query("INSERT INTO note (v) VALUES ('b')")],
  ['a prepared write', 1, (c) => c.query({ name: 'p', text: INSERT, values: ['c'] })],
  [
    'several statements in one text',
    1,
    (c) => c.query("INSERT INTO note (v) VALUES ('d'); DELETE FROM note WHERE id = 0"),
  ],
  ['a function that writes', 1, (c) => c.query("SELECT write_note('e')")],
  ['a read', 1, (c) => c.query('SELECT 1')],
  [
    'BEGIN, 2 writes, COMMIT',
    4,
    async (c) => {
      await c.query('BEGIN');
      await c.query(INSERT, ['f']);
      await c.query('UPDATE note SET v = $1 WHERE id = 1', ['g']);
      await c.query('COMMIT');
    },
  ],
];

describe('no extra round trip, counted on the wire', () => {
  let database: TrackedDatabase;
  let proxy: TcpProxy;
  let plain: pg.Client;
  let instrumented: pg.Client;

  beforeAll(async () => {
    const schema = `CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text);
      CREATE FUNCTION write_note(v text) RETURNS void LANGUAGE sql VOLATILE AS 'INSERT INTO note (v) VALUES (v)'`;
    database = await trackDatabase(inject('serverUrl'), schema, { tables: 'note' });
    const { hostname, port } = new URL(database.url);
    proxy = await startProxy({ host: hostname, port: Number(port) });
    plain = new pg.Client({ connectionString: proxy.url(database.url) });
    instrumented = instrument(new pg.Client({ connectionString: proxy.url(database.url) }));
    await plain.connect();
    await instrumented.connect();
    // What is asked once a connection is not what a write costs.
    await runWithContext({ user: 0 }, () => instrumented.query(INSERT, ['warm']));
    await runWithContext({ user: 0 }, () => instrumented.query("SELECT write_note('warm')"));
  });
  afterAll(async () => {
    await Promise.allSettled([plain?.end(), instrumented?.end()]);
    await proxy?.close();
    await database?.drop();
  });

  async function turnsOf(client: pg.Client, work: Work): Promise<number> {
    const before = proxy.turns();
    await work(client);
    return proxy.turns() - before;
  }

  it.each(CASES)('%s: %i', async (_what, turns, work) => {
    expect(await turnsOf(plain, work)).toBe(turns);
    expect(await runWithContext({ user: 1 }, () => turnsOf(instrumented, work))).toBe(turns);
    expect(await turnsOf(instrumented, work)).toBe(turns);
  });

  it('and the names were there', async () => {
    await database.once();
    const { rows } = await database.client.query(
      `SELECT count(*) FILTER (WHERE context = '{"user": 1}')::int AS named FROM colophon.changes`,
    );
    // Six cases insert one row each; the update finds row 1.
    expect(rows[0].named).toBe(7);
  });
});
