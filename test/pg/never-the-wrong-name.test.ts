import { once } from 'node:events';
import { currentContext, runWithContext } from '@colophon/context';
import { instrument } from '@colophon/pg';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { openSlot } from './decoded.js';

let url: string;
let slot: Awaited<ReturnType<typeof openSlot>>;
let pool: pg.Pool;

beforeAll(async () => {
  url = await createDatabase(inject('serverUrl'));
  slot = await openSlot(url, 'wrong_name');
  await slot.client.query(`
    CREATE TABLE todo (id serial PRIMARY KEY, owner text, body text);
    ALTER TABLE todo REPLICA IDENTITY FULL;
    CREATE FUNCTION add_todo(owner text, body text) RETURNS int LANGUAGE sql AS
      $$ INSERT INTO todo (owner, body) VALUES (owner, body) RETURNING id $$;
  `);
  await slot.rows();
});
afterAll(async () => {
  await slot.close();
  await dropDatabase(url);
});
beforeEach(() => {
  pool = instrument(new pg.Pool({ connectionString: url, max: 2 }));
});
afterEach(() => pool.end());

const INSERT = 'INSERT INTO todo (owner, body) VALUES ($1, $2)';
const as = <T>(user: number | string, fn: () => T) => runWithContext({ user }, fn);
const me = () => String((currentContext() as { user?: unknown } | undefined)?.user ?? 'nobody');

/** Each row says in `owner` whose it is; its context must say the same. */
async function expectOwnNames(count: number): Promise<void> {
  const rows = (await slot.rows()).filter((row) => row.table === 'public.todo');
  expect(rows).toHaveLength(count);
  const wrong = rows.filter((row) => {
    const owner = /owner\[text\]:'([^']*)'/.exec(row.text)![1];
    const context = JSON.parse(row.context);
    return owner === 'nobody' ? row.context !== '{}' : String(context.user) !== owner;
  });
  expect(wrong).toEqual([]);
}

const promised = (fn: (done: (error?: Error | null) => void) => void) =>
  new Promise<void>((resolve, reject) => fn((error) => (error ? reject(error) : resolve())));

const WAYS: Record<string, (user: number, n: number) => Promise<unknown>> = {
  'pool.query, promise': (user, n) => pool.query(INSERT, [user, `p${n}`]),
  'pool.query, callback': (user, n) =>
    promised((done) => pool.query(INSERT, [user, `c${n}`], (e) => done(e))),
  'pool.query, text': (user, n) => pool.query(`INSERT INTO todo (owner, body) VALUES ('${user}', 't${n}')`),
  'pool.query, named': (user, n) =>
    pool.query({ name: 'add', text: INSERT, values: [String(user), `n${n}`] }),
  'pool.query, function': (user, n) => pool.query('SELECT add_todo($1, $2)', [user, `f${n}`]),
  'pool.query, several': (user, n) =>
    pool.query(`SELECT 1; INSERT INTO todo (owner, body) VALUES ('${user}', 's${n}'); SELECT 2`),
  'pool.connect, promise': async (user, n) => {
    const client = await pool.connect();
    try {
      await client.query(INSERT, [user, `cp${n}`]);
    } finally {
      client.release();
    }
  },
  'pool.connect, callback': (user, n) =>
    promised((done) =>
      pool.connect((error, client, release) => {
        if (error) return done(error);
        client!.query(INSERT, [user, `cc${n}`], (failure) => {
          release();
          done(failure);
        });
      }),
    ),
  'explicit transaction': async (user, n) => {
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      await client.query('SELECT add_todo($1, $2)', [user, `x${n}`]);
      await client.query('COMMIT');
    } finally {
      client.release();
    }
  },
  'read before': async (user, n) => {
    await pool.query('SELECT 1');
    await pool.query(INSERT, [user, `r${n}`]);
  },
};

describe('a pool of 2, 200 contexts at once, 10 writes each', () => {
  const ways = Object.entries(WAYS);

  it('names every row by its caller, in all ways mixed', async () => {
    await Promise.all(
      Array.from({ length: 200 }, (_, user) =>
        as(user, async () => {
          for (let n = 0; n < 10; n++) await ways[(user + n) % ways.length]![1](user, n);
        }),
      ),
    );
    await expectOwnNames(2000);
  });

  it('names every row by its caller where all are asked for at once', async () => {
    await Promise.all(
      Array.from({ length: 200 }, (_, user) =>
        as(user, () =>
          Promise.all(Array.from({ length: 10 }, (_, n) => ways[(user + n) % ways.length]![1](user, n))),
        ),
      ),
    );
    await expectOwnNames(2000);
  });
});

it('runs callbacks inside callbacks as who asked, whoever opened or released the connection', async () => {
  const seen: string[] = [];
  await as('opener', () => Promise.all([pool.query('SELECT 1'), pool.query('SELECT 1')]));
  await Promise.all(
    Array.from({ length: 50 }, (_, user) =>
      as(user, () =>
        promised((done) =>
          pool.connect((error, client, release) => {
            if (error) return done(error);
            client!.query('SELECT 1', () => {
              seen.push(`${user} ${me()}`);
              client!.query(INSERT, [me(), 'inner'], () => {
                release();
                pool.query(INSERT, [me(), 'after release'], (failure) => done(failure));
              });
            });
          }),
        ),
      ),
    ),
  );
  expect(seen.filter((line) => line.split(' ')[0] !== line.split(' ')[1])).toEqual([]);
  expect(seen).toHaveLength(50);
  await expectOwnNames(100);
});

it("runs a query's events as who asked for it", async () => {
  const client = await as('opener', () => pool.connect());
  const seen: string[] = [];
  for (const user of [1, 2]) {
    await as(user, async () => {
      const query = new pg.Query(
        'SELECT generate_series(1, 2)',
      ) as unknown as import('node:events').EventEmitter & pg.Submittable;
      query.on('row', () => seen.push(`row ${me()}`));
      query.on('end', () => {
        seen.push(`end ${me()}`);
        pool.query(INSERT, [me(), 'from end']).then(() => query.emit('stored'));
      });
      const stored = once(query, 'stored');
      client.query(query);
      await stored;
    });
  }
  client.release();
  expect(seen).toEqual(['row 1', 'row 1', 'end 1', 'row 2', 'row 2', 'end 2']);
  await expectOwnNames(2);
});

it('gives notices and notifications no context, and a new connection none either', async () => {
  const seen: string[] = [];
  pool.on('connect', (client) => {
    seen.push(`connect ${me()}`);
    client.on('notification', () => seen.push(`notification ${me()}`));
    client.on('notice', () => seen.push(`notice ${me()}`));
  });
  pool.on('acquire', () => seen.push(`acquire ${me()}`));
  await as('opener', async () => {
    const client = await pool.connect();
    await client.query('LISTEN here');
    await client.query("DO $$ BEGIN RAISE NOTICE 'x'; END $$");
    const heard = once(client as unknown as import('node:events').EventEmitter, 'notification');
    await client.query('NOTIFY here');
    await heard;
    client.release();
  });
  expect(seen).toEqual(['connect nobody', 'acquire opener', 'notice nobody', 'notification nobody']);
});

it('gives what happens to a connection no context, also where it was opened in one and instrumented later', async () => {
  const late = new pg.Client({ connectionString: url });
  await as('opener', () => late.connect());
  instrument(late);
  const [{ pid }] = (await as('reader', () => late.query('SELECT pg_backend_pid() AS pid'))).rows;
  const seen: string[] = [];
  late.on('error', () => seen.push(`error ${me()}`));
  const gone = new Promise<unknown>((resolve) => late.on('end', () => resolve(seen.push(`end ${me()}`))));
  await pool.query('SELECT pg_terminate_backend($1)', [pid]);
  await gone;
  expect(new Set(seen)).toEqual(new Set(['error nobody', 'end nobody']));
});

it('acquires as the one who waited, not as the one who released', async () => {
  await pool.end();
  pool = instrument(new pg.Pool({ connectionString: url, max: 1 }));
  const seen: string[] = [];
  pool.on('acquire', () => seen.push(me()));
  const first = await as('first', () => pool.connect());
  const second = as('second', () => pool.connect());
  as('first', () => first.release());
  (await second).release();
  expect(seen).toEqual(['first', 'second']);
});

it('keeps several names and none apart in one transaction, and over COMMIT AND CHAIN', async () => {
  const client = await pool.connect();
  const add = (user: number | 'nobody', how: 'insert' | 'function') => {
    const text = how === 'insert' ? INSERT : 'SELECT add_todo($1, $2)';
    const run = () => client.query(text, [String(user), how]);
    return user === 'nobody' ? run() : as(user, run);
  };
  const users = ['nobody', 1, 2, 'nobody', 2] as const;
  let count = 0;
  for (const first of users)
    for (const second of users)
      for (const how of [
        ['insert', 'function'],
        ['function', 'insert'],
        ['function', 'function'],
      ] as const) {
        await client.query('BEGIN');
        await add(first, how[0]);
        await add(second, how[1]);
        await client.query('SAVEPOINT s');
        await add(first, how[1]);
        await client.query('ROLLBACK TO s');
        await add(first, how[1]);
        await client.query('COMMIT AND CHAIN');
        await add(second, how[0]);
        await add(first, how[1]);
        await client.query('COMMIT; BEGIN');
        await add(second, how[1]);
        await client.query('COMMIT');
        count += 6;
      }
  client.release();
  await expectOwnNames(count);
});

it('keeps names apart on a pipelining client', async () => {
  const client = instrument(new pg.Client({ connectionString: url, pipeline: true } as pg.ClientConfig));
  await client.connect();
  const sent: Promise<unknown>[] = [];
  let count = 0;
  for (let round = 0; round < 20; round++) {
    sent.push(client.query('BEGIN'));
    for (const user of [round % 3, 'nobody', (round + 1) % 4, round % 3] as const) {
      for (const text of [
        'SELECT add_todo($1, $2)',
        INSERT,
        'SELECT count(*) FROM todo WHERE owner <> $1 || $2',
      ]) {
        const run = () => client.query(text, [String(user), 'piped']);
        sent.push(user === 'nobody' ? run() : as(user, run));
      }
      count += 2;
    }
    sent.push(client.query('COMMIT'));
    sent.push(as(round, () => client.query(INSERT, [round, 'alone'])));
    count++;
  }
  await Promise.all(sent);
  await client.end();
  await expectOwnNames(count);
});
