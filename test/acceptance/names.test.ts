import { runWithContext } from '@colophon/context';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { instrumentedPool } from '../instrumented-pool.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';

const SCHEMA = `
CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, test text, owner int, n int);
CREATE FUNCTION write_note(of_test text, of_owner int, of_n int) RETURNS int LANGUAGE sql VOLATILE AS
  $$ INSERT INTO note (test, owner, n) VALUES (of_test, of_owner, of_n) RETURNING n $$;`;
const INSERT = 'INSERT INTO note (test, owner, n) VALUES ($1, $2, $3)';
const OWNERS = 200;
const WRITES = 10;

/**
 * Every row carries its owner, 0 for nobody; so each audit record says by itself whether its context is right, however
 * connections were shared. What is asked for is `colophon.changes`, all the way through the consumer and the store.
 */
describe('never the wrong name', () => {
  let database: TrackedDatabase;
  let pool: pg.Pool;

  beforeAll(async () => {
    database = await trackDatabase(inject('serverUrl'), SCHEMA, { tables: 'note' });
    pool = instrumentedPool({ connectionString: database.url, max: 2 });
  });
  afterAll(async () => {
    await pool?.end();
    await database?.drop();
  });

  /** Every owner at once, each in a context of its own. */
  function asEveryone(work: (owner: number) => Promise<unknown>): Promise<unknown> {
    return Promise.all(
      Array.from({ length: OWNERS }, (_, i) => runWithContext({ user: i + 1 }, () => work(i + 1))),
    );
  }

  async function expectRightNames(test: string, rows: number): Promise<void> {
    await database.once();
    const { rows: found } = await database.client.query(
      `SELECT count(*)::int AS stored,
              count(*) FILTER (WHERE (after ->> 'owner')::int <> 0 AND context = '{}')::int AS missing,
              count(*) FILTER (WHERE context <> '{}' AND context IS DISTINCT FROM jsonb_build_object('user', after -> 'owner'))::int AS wrong
       FROM colophon.changes WHERE after ->> 'test' = $1`,
      [test],
    );
    expect(found[0]).toEqual({ stored: rows, missing: 0, wrong: 0 });
  }

  it('through pool.query', async () => {
    await asEveryone(async (owner) => {
      for (let n = 0; n < WRITES; n++) await pool.query(INSERT, ['query', owner, n]);
    });
    await expectRightNames('query', OWNERS * WRITES);
  });

  it('through pool.query with a callback, and callbacks inside callbacks', async () => {
    await asEveryone(
      (owner) =>
        new Promise<void>((resolve, reject) => {
          const write = (n: number): void => {
            if (n === WRITES) {
              resolve();
              return;
            }
            pool.query(INSERT, ['callback', owner, n], (error) => (error ? reject(error) : write(n + 1)));
          };
          write(0);
        }),
    );
    await expectRightNames('callback', OWNERS * WRITES);
  });

  it('through pool.connect with a promise', async () => {
    await asEveryone(async (owner) => {
      const client = await pool.connect();
      try {
        for (let n = 0; n < WRITES; n++) await client.query(INSERT, ['connect', owner, n]);
      } finally {
        client.release();
      }
    });
    await expectRightNames('connect', OWNERS * WRITES);
  });

  it('through pool.connect with a callback, written by callbacks', async () => {
    await asEveryone(
      (owner) =>
        new Promise<void>((resolve, reject) => {
          pool.connect((error, client, release) => {
            if (error || client === undefined) {
              reject(error);
              return;
            }
            const write = (n: number): void => {
              if (n === WRITES) {
                release();
                resolve();
                return;
              }
              client.query(INSERT, ['connect callback', owner, n], (failed) =>
                failed ? reject(failed) : write(n + 1),
              );
            };
            write(0);
          });
        }),
    );
    await expectRightNames('connect callback', OWNERS * WRITES);
  });

  it('in explicit transactions, by DML and by functions, some rolled back', async () => {
    await asEveryone(async (owner) => {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        for (let n = 0; n < WRITES; n++) {
          if (n % 2 === 0) await client.query(INSERT, ['transaction', owner, n]);
          else await client.query('SELECT write_note($1, $2, $3)', ['transaction', owner, n]);
        }
        await client.query(owner % 10 === 0 ? 'ROLLBACK' : 'COMMIT');
      } finally {
        client.release();
      }
    });
    await expectRightNames('transaction', (OWNERS - OWNERS / 10) * WRITES);
  });

  it('from the events of a query', async () => {
    await asEveryone(
      (owner) =>
        new Promise<void>((resolve, reject) => {
          pool.connect().then((client) => {
            const query = client.query(new pg.Query("SELECT generate_series(1, 3), 'x'"));
            const writes: Promise<unknown>[] = [];
            query.on('row', () => writes.push(client.query(INSERT, ['events', owner, writes.length])));
            query.on('error', reject);
            query.on('end', () => {
              writes.push(client.query('SELECT write_note($1, $2, 9)', ['events', owner]));
              Promise.all(writes).then(() => {
                client.release();
                resolve();
              }, reject);
            });
          }, reject);
        }),
    );
    await expectRightNames('events', OWNERS * 4);
  });

  it('with several names and none in one transaction, in every order of three', async () => {
    const client = await pool.connect();
    const owners = [0, 1, 2];
    const forms = [INSERT, 'SELECT write_note($1, $2, $3)'];
    let rows = 0;
    for (const first of owners) {
      for (const second of owners) {
        for (const third of owners) {
          for (let form = 0; form < 8; form++) {
            await client.query('BEGIN');
            for (const [i, owner] of [first, second, third].entries()) {
              const text = forms[(form >> i) & 1]!;
              const write = () => client.query(text, ['several', owner, rows++]);
              await (owner === 0 ? write() : runWithContext({ user: owner }, write));
            }
            await client.query('COMMIT');
          }
        }
      }
    }
    client.release();
    await expectRightNames('several', rows);
  });

  it('over COMMIT AND CHAIN and ROLLBACK AND CHAIN', async () => {
    await asEveryone(async (owner) => {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        await client.query(INSERT, ['chain', owner, 0]);
        await client.query('COMMIT AND CHAIN');
        await client.query(INSERT, ['chain', owner, 1]);
        await client.query('ROLLBACK AND CHAIN');
        await client.query('SELECT write_note($1, $2, $3)', ['chain', owner, 2]);
        await client.query('COMMIT AND CHAIN');
        await client.query(INSERT, ['chain', owner, 3]);
        await client.query('COMMIT');
      } finally {
        client.release();
      }
    });
    await expectRightNames('chain', OWNERS * 3);
  });

  it('through a client that pipelines, transactions of several owners queued at once', async () => {
    const client = await pool.connect();
    (client as unknown as { pipeline: boolean }).pipeline = true;
    const queries: Promise<unknown>[] = [];
    for (let owner = 1; owner <= OWNERS; owner++) {
      runWithContext({ user: owner }, () => {
        queries.push(client.query(INSERT, ['pipeline', owner, 0]));
        queries.push(client.query('BEGIN'), client.query(INSERT, ['pipeline', owner, 1]));
        queries.push(client.query('SELECT write_note($1, $2, $3)', ['pipeline', owner, 2]));
      });
      const other = (owner % OWNERS) + 1;
      runWithContext({ user: other }, () => queries.push(client.query(INSERT, ['pipeline', other, 3])));
      queries.push(client.query(INSERT, ['pipeline', 0, 4]), client.query('COMMIT'));
    }
    await Promise.all(queries);
    (client as unknown as { pipeline: boolean }).pipeline = false;
    client.release();
    await expectRightNames('pipeline', OWNERS * 5);
  });
});
