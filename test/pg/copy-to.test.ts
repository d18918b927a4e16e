import { text } from 'node:stream/consumers';
import { runWithContext } from '@colophon/context';
import { instrument } from '@colophon/pg';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import copyStreams from 'pg-copy-streams';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { openSlot } from './decoded.js';

let url: string;
let slot: Awaited<ReturnType<typeof openSlot>>;

beforeAll(async () => {
  url = await createDatabase(inject('serverUrl'));
  slot = await openSlot(url, 'copy_to');
  await slot.client.query('CREATE TABLE todo (id serial PRIMARY KEY, owner text)');
  await slot.rows();
});
afterAll(async () => {
  await slot.close();
  await dropDatabase(url);
});

const as = <T>(user: string, fn: () => T): T => (user === 'nobody' ? fn() : runWithContext({ user }, fn));
const insert = (client: pg.Client, user: string) =>
  as(user, () => client.query('INSERT INTO todo (owner) VALUES ($1)', [user]));
const copyOut = (client: pg.Client, user: string) =>
  as(user, () =>
    text(
      client.query(
        copyStreams.to(
          `COPY (INSERT INTO todo (owner) VALUES ('${user}'), ('${user}') RETURNING owner) TO STDOUT`,
        ),
      ),
    ),
  );

type Before = (client: pg.Client) => Promise<unknown>;
const BEFORE: Record<string, Before> = {
  nothing: async () => {},
  'a read': (client) => client.query('SELECT 1'),
  "A's write": (client) => insert(client, 'A'),
  "B's write": (client) => insert(client, 'B'),
  "nobody's write": (client) => insert(client, 'nobody'),
  "nobody's, then A's": async (client) => {
    await insert(client, 'nobody');
    await insert(client, 'A');
  },
  "A's write, undone": async (client) => {
    await client.query('SAVEPOINT s');
    await insert(client, 'A');
    await client.query('ROLLBACK TO s');
  },
  "A's write, then B's undone": async (client) => {
    await insert(client, 'A');
    await client.query('SAVEPOINT s');
    await insert(client, 'B');
    await client.query('ROLLBACK TO s');
  },
};

const cases = Object.entries(BEFORE).flatMap(([name, before]) =>
  ['B', 'nobody'].flatMap((user) =>
    [false, true].map((isWarm) => ({ name, user, isWarm, rights: isWarm ? 'known' : 'unknown', before })),
  ),
);

it.each(cases)('after $name, the rows of a COPY TO by $user are theirs (rights $rights)', async (given) => {
  const client = instrument(new pg.Client({ connectionString: url }));
  await client.connect();
  try {
    if (given.isWarm) await insert(client, 'A');
    await client.query('BEGIN');
    await given.before(client);
    expect(await copyOut(client, given.user)).toBe(`${given.user}\n${given.user}\n`);
    await insert(client, 'A');
    expect(await copyOut(client, 'A')).toBe('A\nA\n');
    await client.query('COMMIT');
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  } finally {
    await client.end();
  }
  const rows = (await slot.rows()).filter((row) => row.table === 'public.todo');
  expect(rows.length).toBeGreaterThanOrEqual(5);
  for (const row of rows) {
    const owner = /owner\[text\]:'([^']*)'/.exec(row.text)![1]!;
    expect(row.context).toBe(owner === 'nobody' ? '{}' : JSON.stringify({ user: owner }));
  }
});

it('gives the error of the COPY where its transaction has failed, and goes on after it', async () => {
  const client = instrument(new pg.Client({ connectionString: url }));
  await client.connect();
  await client.query('BEGIN');
  await insert(client, 'A');
  await as('B', () =>
    expect(
      text(client.query(copyStreams.to('COPY (DELETE FROM nowhere RETURNING 1) TO STDOUT'))),
    ).rejects.toMatchObject({
      code: '42P01',
    }),
  );
  await expect(copyOut(client, 'B')).rejects.toMatchObject({ code: '25P02' });
  await client.query('ROLLBACK');
  expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  await client.end();
});
