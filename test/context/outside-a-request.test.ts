import { EventEmitter, once } from 'node:events';
import { runWithContext } from '@colophon/context';
import { createNamespace } from '@colophon/context/cls';
import { instrument } from '@colophon/pg';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import { instrumentedPool } from '../instrumented-pool.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';

const SCHEMA = 'CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text)';
const ann = { user: 'ann' };
const bob = { user: 'bob' };

let database: TrackedDatabase;
let writer: pg.Pool;
const open: pg.Pool[] = [];
beforeAll(async () => {
  database = await trackDatabase(inject('serverUrl'), SCHEMA, { tables: 'note' });
});
afterAll(() => database?.drop());
beforeEach(async () => {
  await database.client.query('TRUNCATE note');
  writer = poolOf({});
});
afterEach(async () => {
  for (const pool of open.splice(0)) if (!pool.ended) await pool.end();
});

function poolOf(config: pg.PoolConfig): pg.Pool {
  const pool = instrumentedPool({ connectionString: database.url, ...config });
  open.push(pool);
  return pool;
}

const write = (what: string, on: pg.Pool | pg.ClientBase = writer) =>
  on.query('INSERT INTO note (what) VALUES ($1)', [what]);

/** The name in which each row that is there now was written, by what it says. */
async function names(): Promise<Record<string, unknown>> {
  await database.once();
  const { rows } = await database.client.query(
    `SELECT n.what, c.context FROM note n JOIN colophon.changes c ON c.primary_key = n.id::text AND c.operation = 'CREATE'`,
  );
  return Object.fromEntries(rows.map(({ what, context }) => [what, context]));
}

it('a timer, an interval and a promise that a run started are its own, also when it is over', async () => {
  const started: Promise<unknown>[] = [];
  runWithContext(ann, () => {
    started.push(new Promise((resolve) => setTimeout(() => resolve(write('timer')), 5)));
    started.push(
      new Promise((resolve) => {
        const interval = setInterval(() => {
          clearInterval(interval);
          resolve(write('interval'));
        }, 5);
      }),
    );
    started.push(Promise.resolve().then(() => write('promise')));
  });
  const later = runWithContext(bob, () => Promise.all(started).then(() => write('who waits for them')));
  await later;
  await write('after');
  expect(await names()).toEqual({
    timer: ann,
    interval: ann,
    promise: ann,
    'who waits for them': bob,
    after: {},
  });
});

it('a listener runs as whoever emits, not as the finished run that added it', async () => {
  const emitter = new EventEmitter();
  const written: Promise<unknown>[] = [];
  runWithContext(ann, () => emitter.on('news', (what: string) => written.push(write(what))));
  emitter.emit('news', 'by nobody');
  runWithContext(bob, () => emitter.emit('news', 'by bob'));
  await Promise.all(written);
  expect(await names()).toEqual({ 'by nobody': {}, 'by bob': bob });
});

it('a connection that a run opened, used and gave back brings nothing along', async () => {
  const pool = poolOf({ max: 1 });
  await runWithContext(ann, async () => {
    const client = await pool.connect();
    await client.query('BEGIN');
    await write('ann', client);
    await client.query('COMMIT');
    client.release();
  });
  await write('nobody', pool);
  const client = await pool.connect();
  await write('nobody, by the client', client);
  await new Promise<void>((resolve, reject) => {
    client.query("INSERT INTO note (what) VALUES ('callback')", (error) =>
      error ? reject(error) : resolve(write('in the callback').then(() => undefined)),
    );
  });
  client.release();
  expect(await names()).toEqual({
    ann,
    nobody: {},
    'nobody, by the client': {},
    callback: {},
    'in the callback': {},
  });
});

it('who waits for a connection gets it in his own name, or in none, whoever gives it back', async () => {
  const pool = poolOf({ max: 1 });
  const held = await runWithContext(ann, () => pool.connect());
  const waiting = (what: string) =>
    new Promise<void>((resolve, reject) => {
      pool.connect((error, client, release) => {
        if (error || client === undefined) {
          reject(error);
          return;
        }
        write(what, client).then(() => resolve(release()), reject);
      });
    });
  const waiters = [waiting('nobody'), runWithContext(bob, () => waiting('bob'))];
  runWithContext(ann, () => held.release());
  await Promise.all(waiters);
  expect(await names()).toEqual({ nobody: {}, bob });
});

it('events of a pool: acquire and release belong to who does it, connect and the idle timer to nobody', async () => {
  const pool = poolOf({ max: 1, idleTimeoutMillis: 20 });
  const written: Promise<unknown>[] = [];
  const removed = once(pool, 'remove');
  for (const event of ['connect', 'acquire', 'release', 'remove'] as const) {
    pool.on(event, () => written.push(write(event)));
  }
  await runWithContext(ann, () => write('query', pool));
  await removed;
  await Promise.all(written);
  expect(await names()).toEqual({ query: ann, connect: {}, acquire: ann, release: ann, remove: {} });
});

it('a notification belongs to nobody, though a run opened the connection, listens and notifies', async () => {
  const client = instrument(new pg.Client({ connectionString: database.url }));
  const written: Promise<unknown>[] = [];
  const heard = runWithContext(ann, async () => {
    await client.connect();
    client.on('notification', () => written.push(write('notification')));
    client.on('notice', () => written.push(write('notice')));
    const both = Promise.all([once(client, 'notification'), once(client, 'notice')]);
    await client.query('LISTEN news');
    await client.query("DO $$ BEGIN RAISE NOTICE 'n'; PERFORM pg_notify('news', 'a'); END $$");
    return both;
  });
  await heard;
  await Promise.all(written);
  await client.end();
  expect(await names()).toEqual({ notification: {}, notice: {} });
});

it('a namespace that a request entered and never left is seen by no later work', async () => {
  const namespace = createNamespace('entered');
  const seen: unknown[] = [];
  const flow = (work: () => unknown) =>
    new Promise((resolve) => setImmediate(() => resolve(work()))) as Promise<unknown>;
  await flow(() =>
    runWithContext(ann, async () => {
      namespace.enter(namespace.createContext());
      namespace.set('user', 'ann');
      await write('ann');
    }),
  );
  await flow(async () => {
    seen.push(namespace.get('user'));
    await write('later');
  });
  expect(seen).toEqual([undefined]);
  expect(await names()).toEqual({ ann, later: {} });
});
