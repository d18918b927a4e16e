import { currentContext } from '@colophon/context';
import { instrument } from '@colophon/pg';
import { CONTRACT_SCHEMA, type ContractAdapter, contractCases } from '@colophon/testkit';
import knex from 'knex';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';
import { environmentOf } from './environment.js';
import { knexSession } from './knex-session.js';

type PoolOf = (connectionString: string, max: number) => pg.Pool;
type AnyQuery = (this: unknown, ...args: unknown[]) => unknown;

const query = pg.Client.prototype.query as AnyQuery;
const instrumented = (Client: new () => pg.Client): PoolOf => {
  return (connectionString, max) => instrument(new pg.Pool({ connectionString, max, Client }));
};
const NAMES = contractCases.slice(0, 11).map(({ name }) => name);

/** Ways of doing it wrong, and the cases that must find each. */
const WRONG: { what: string; pool: PoolOf; found: string[] }[] = [
  {
    what: 'nothing is emitted',
    pool: (connectionString, max) => new pg.Pool({ connectionString, max }),
    found: NAMES,
  },
  {
    what: 'the context is that of whoever came first',
    pool(connectionString, max) {
      let first: ReturnType<typeof currentContext>;
      return instrument(new pg.Pool({ connectionString, max }), {
        context: () => (first ??= currentContext()),
      });
    },
    found: [
      'rollback',
      'savepoint rolled back',
      'nested context',
      '100 parallel requests on a pool of 2',
      'connection reused after an error',
      'no context',
      'bulk write',
    ],
  },
  {
    what: 'the context is taken when the query is sent, out of a common variable',
    pool(connectionString, max) {
      let last: ReturnType<typeof currentContext>;
      const pool = instrument(new pg.Pool({ connectionString, max }), { context: () => last });
      const connect = pool.connect.bind(pool) as AnyQuery;
      pool.connect = ((...args: unknown[]) => {
        last = currentContext();
        return connect(...args);
      }) as typeof pool.connect;
      return pool;
    },
    found: ['nested context', '100 parallel requests on a pool of 2'],
  },
  {
    what: 'a round trip more',
    pool: instrumented(
      class extends pg.Client {
        override query = ((...args: unknown[]) => {
          (query.call(this, 'SELECT 1') as Promise<unknown>).catch(() => {});
          return query.apply(this, args);
        }) as never;
      },
    ),
    found: ['reads: no byte more, no transaction id', 'round trips added'],
  },
  {
    what: 'an error with another code',
    pool: instrumented(
      class extends pg.Client {
        override query = ((config: unknown, callback: (error: Error | null, result: unknown) => void) =>
          query.call(this, config, (error: Error | null, result: unknown) =>
            callback(error && Object.assign(error, { code: 'XX000' }), result),
          )) as never;
      },
    ),
    found: ['results, errors, query log, connections as without'],
  },
];

describe('the contract finds', () => {
  let database: TrackedDatabase;
  beforeAll(async () => {
    database = await trackDatabase(inject('serverUrl'), CONTRACT_SCHEMA, { tables: 'item' });
  });
  afterAll(() => database?.drop());

  const session = (pool: pg.Pool) =>
    knexSession(knex({ client: 'pg', connectionPool: pool }), () => pool.end());

  describe.each(WRONG)('$what', ({ what, pool, found }) => {
    const adapter: ContractAdapter = {
      name: what,
      open: async (url, max) => session(pool(url, max)),
      openPlain: async (connectionString, max) => session(new pg.Pool({ connectionString, max })),
    };
    it.each(found)('in: %s', async (name) => {
      const environment = await environmentOf(database);
      const { run } = contractCases.find((one) => one.name === name)!;
      await expect(run(adapter, environment)).rejects.toThrow(
        /deep-equal|wanted|strictly equal|round trips|bytes/,
      );
    });
  });
});
