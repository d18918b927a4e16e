import { EventEmitter } from 'node:events';
import {
  asyncLocalStorageCarrier,
  clsCarrier,
  currentContext,
  mergeContext,
  runWithContext,
  setCarrier,
} from '@colophon/context';
import { ColophonSubscriber } from '@colophon/typeorm';
import { createNamespace, destroyNamespace, type Namespace } from 'cls-hooked';
import type pg from 'pg';
import type { DataSource } from 'typeorm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { instrumentedPool } from '../instrumented-pool.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';
import { VERSIONS } from '../typeorm/versions.js';

const SCHEMA = `
  CREATE TABLE item (id serial PRIMARY KEY, owner text NOT NULL, title text);
  CREATE FUNCTION add_item(owner text) RETURNS int LANGUAGE sql AS
    $$ INSERT INTO item (owner) VALUES (owner) RETURNING id $$;`;
const INSERT = 'INSERT INTO item (owner) VALUES ($1) RETURNING id';
const USERS = 60;

let database: TrackedDatabase;
let namespace: Namespace;
let start: string;

beforeAll(async () => {
  database = await trackDatabase(inject('serverUrl'), SCHEMA, { tables: 'item' });
});
afterAll(() => database?.drop());
beforeEach(async () => {
  start = (await database.client.query('SELECT pg_current_wal_insert_lsn() AS lsn')).rows[0].lsn;
  namespace = createNamespace('application');
  setCarrier(clsCarrier(namespace));
});
afterEach(() => {
  setCarrier(asyncLocalStorageCarrier);
  destroyNamespace('application');
});

/** A request of this application: values of its own in the namespace, beside Colophon's context. */
function request<T>(user: string, work: () => Promise<T>): Promise<T> {
  return namespace.runAndReturn(async () => {
    namespace.set('session', user);
    return runWithContext({ route: '/items' }, async () => {
      await null;
      // Known only after authentication.
      mergeContext({ user: namespace.get('session') });
      return work();
    });
  });
}

const everybody = Array.from({ length: USERS }, (_, n) => (n % 4 === 3 ? 'nobody' : `u${n}`));
const asEach = (work: (user: string, n: number) => Promise<unknown>) =>
  Promise.all(
    everybody.map((user, n) => (user === 'nobody' ? work(user, n) : request(user, () => work(user, n)))),
  );

/** What the audit trail has of the time since `start`: each change must have the name that stands in its row. */
async function expectOwnNames(count: number): Promise<void> {
  await database.once();
  const { rows } = await database.client.query<{ owner: string; context: Record<string, unknown> }>(
    `SELECT coalesce(after->>'owner', before->>'owner') AS owner, context FROM colophon.changes
     WHERE commit_lsn >= $1 ORDER BY seq`,
    [start],
  );
  const wrong = rows.filter(({ owner, context }) =>
    owner === 'nobody'
      ? Object.keys(context).length > 0
      : context.user !== owner || context.route !== '/items' || Object.keys(context).length !== 2,
  );
  expect(wrong).toEqual([]);
  expect(rows).toHaveLength(count);
}

describe('pg, on a pool of 2', () => {
  let pool: pg.Pool;
  beforeEach(() => {
    pool = instrumentedPool({ connectionString: database.url, max: 2 });
  });
  afterEach(() => pool.end());

  const callback = (fn: (done: (error?: Error | null) => void) => void) =>
    new Promise<void>((resolve, reject) => fn((error) => (error ? reject(error) : resolve())));

  it('promises, callbacks inside callbacks, transactions, functions that write: all at once', async () => {
    await asEach(async (user) => {
      await pool.query(INSERT, [user]);
      await callback((done) =>
        pool.query(INSERT, [user], (error) => (error ? done(error) : pool.query(INSERT, [user], done))),
      );
      const client = await pool.connect();
      await client.query('BEGIN');
      await client.query('SELECT add_item($1)', [user]);
      await client.query('SAVEPOINT s');
      await client.query(INSERT, [user]);
      await client.query('ROLLBACK TO s');
      await client.query(INSERT, [user]);
      await client.query('COMMIT');
      client.release();
      await pool.query('INSERT INTO item (owner) VALUES ($1', [user]).catch(() => undefined);
      await pool.query(INSERT, [user]);
    });
    await expectOwnNames(USERS * 6);
  });

  it('what is bound to the namespace: a function, an emitter', async () => {
    const emitter = new EventEmitter();
    const bound: (() => Promise<unknown>)[] = [];
    const written: Promise<unknown>[] = [];
    await request('u1', async () => {
      namespace.bindEmitter(emitter);
      emitter.on('write', () => written.push(pool.query(INSERT, ['u1'])));
      bound.push(namespace.bind(() => pool.query(INSERT, ['u1'])));
    });
    await request('u2', async () => {
      emitter.emit('write');
      await bound[0]!();
      await pool.query(INSERT, ['u2']);
    });
    await bound[0]!();
    await pool.query(INSERT, ['nobody']);
    await Promise.all(written);
    await expectOwnNames(5);
  });

  it('values of the application and the context stay apart, and end with the request', async () => {
    await request('u1', async () => {
      expect(namespace.get('session')).toBe('u1');
      await pool.query(INSERT, ['u1']);
      expect(namespace.get('session')).toBe('u1');
      expect(currentContext()).toEqual({ route: '/items', user: 'u1' });
    });
    expect(namespace.get('session')).toBeUndefined();
    expect(currentContext()).toBeUndefined();
    await expectOwnNames(1);
  });
});

describe.each(VERSIONS)('%s, on a pool of 2', (_, typeorm) => {
  const item = new typeorm.EntitySchema<{ id: number; owner: string; title: string }>({
    name: 'item',
    columns: {
      id: { type: 'int', primary: true, generated: 'increment' },
      owner: { type: 'text' },
      title: { type: 'text', nullable: true },
    },
  });
  let dataSource: DataSource;
  beforeEach(async () => {
    dataSource = await new typeorm.DataSource({
      type: 'postgres',
      url: database.url,
      poolSize: 2,
      entities: [item],
      subscribers: [ColophonSubscriber],
    }).initialize();
  });
  afterEach(() => dataSource.destroy());

  it('save, query builder, raw SQL, transactions one inside another: all at once', async () => {
    await asEach(async (owner, n) => {
      const { id } = await dataSource.getRepository(item).save({ owner, title: `${n}` });
      await dataSource.createQueryBuilder().update(item).set({ title: 'b' }).where({ id }).execute();
      await dataSource.transaction(async (manager) => {
        await manager.update(item, { id }, { title: 'c' });
        await manager
          .transaction(async (inner) => {
            await inner.insert(item, { owner });
            throw new Error('undo');
          })
          .catch(() => undefined);
        await manager.query('SELECT add_item($1)', [owner]);
      });
      await dataSource.getRepository(item).delete({ id });
    });
    await expectOwnNames(USERS * 5);
  });
});
