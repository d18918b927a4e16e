import { runWithContext } from '@colophon/context';
import { launchPostgres, type PostgresServer } from '@colophon/testkit';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Major, nativeDir } from '../embedded-postgres.js';
import { instrumentedPool } from '../instrumented-pool.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';

const SCHEMA = `
CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, test text, owner int);
CREATE FUNCTION write_note(of_test text, of_owner int) RETURNS int LANGUAGE sql VOLATILE AS
  $$ INSERT INTO note (test, owner) VALUES (of_test, of_owner) RETURNING owner $$;`;
const INSERT = 'INSERT INTO note (test, owner) VALUES ($1, $2)';
const WRITE = 'SELECT write_note($1, $2)';

/** Every row carries its owner, 0 for nobody. A transaction prepared by one is committed by another, on another connection. */
describe('a prepared transaction', () => {
  let server: PostgresServer;
  let database: TrackedDatabase;
  let pool: pg.Pool;

  beforeAll(async () => {
    server = await launchPostgres({
      native: nativeDir(Number(process.env.PG_MAJOR ?? 18) as Major),
      settings: { max_prepared_transactions: 10 },
    });
    database = await trackDatabase(server.url(), SCHEMA, { tables: 'note' });
    pool = instrumentedPool({ connectionString: database.url, max: 2 });
  });
  afterAll(async () => {
    await pool?.end();
    await database?.drop();
    await server?.stop();
  });

  /** As this owner, 0 for nobody. */
  const as = <Result>(owner: number, work: () => Result): Result =>
    owner === 0 ? work() : runWithContext({ user: owner }, work);

  /** What the audit trail has of a test, in order: whose row, and whom it names. */
  async function stored(test: string): Promise<string[]> {
    await database.once();
    const { rows } = await database.client.query(
      `SELECT after ->> 'owner' AS owner, coalesce(context ->> 'user', '0') AS named
       FROM colophon.changes WHERE after ->> 'test' = $1 ORDER BY seq`,
      [test],
    );
    return rows.map(({ owner, named }) => `${owner} named ${named}`);
  }

  it.each([
    ['DML', [INSERT, INSERT]],
    ['functions', [WRITE, WRITE]],
    ['a function, then DML', [WRITE, INSERT]],
    ['DML, then a function', [INSERT, WRITE]],
  ])('has the names of its writes, whoever commits it: %s', async (test, texts) => {
    const client = await pool.connect();
    await as(1, () => client.query('BEGIN'));
    for (const text of texts) await as(1, () => client.query(text, [test, 1]));
    const prepared = await as(1, () => client.query("PREPARE TRANSACTION 'named'"));
    expect(prepared.command).toBe('PREPARE');
    // The next on the same connection is another transaction.
    for (const owner of [1, 2, 0]) await as(owner, () => client.query(texts[0]!, [test, owner]));
    expect(await stored(test)).toEqual(['1 named 1', '2 named 2', '0 named 0']);
    const other = await pool.connect();
    const committed = await as(3, () => other.query("COMMIT PREPARED 'named'"));
    expect(committed.command).toBe('COMMIT');
    await as(3, () => other.query(texts[1]!, [test, 3]));
    client.release();
    other.release();
    expect(await stored(test)).toEqual([
      '1 named 1',
      '2 named 2',
      '0 named 0',
      '1 named 1',
      '1 named 1',
      '3 named 3',
    ]);
  });

  it('keeps several names and none apart', async () => {
    const owners = [0, 1, 0, 2, 1];
    const client = await pool.connect();
    await client.query('BEGIN');
    for (const [at, owner] of owners.entries()) {
      await as(owner, () => client.query(at % 2 === 0 ? INSERT : WRITE, ['several', owner]));
    }
    await client.query("PREPARE TRANSACTION 'several'");
    await as(3, () => client.query("COMMIT PREPARED 'several'"));
    client.release();
    expect(await stored('several')).toEqual(owners.map((owner) => `${owner} named ${owner}`));
  });

  it('leaves nothing where it is rolled back, nor a name to what comes after', async () => {
    const client = await pool.connect();
    await as(1, async () => {
      await client.query('BEGIN');
      await client.query(INSERT, ['rolled back', 1]);
      await client.query("PREPARE TRANSACTION 'undone'");
    });
    await as(2, () => client.query("ROLLBACK PREPARED 'undone'"));
    await client.query(INSERT, ['rolled back', 0]);
    await as(1, () => client.query(INSERT, ['rolled back', 1]));
    client.release();
    expect(await stored('rolled back')).toEqual(['0 named 0', '1 named 1']);
  });

  it('that fails to be prepared is a rollback, and its name is forgotten', async () => {
    const client = await pool.connect();
    await as(1, () => client.query('BEGIN'));
    await as(1, () => client.query(INSERT, ['refused', 1]));
    await expect(as(1, () => client.query('SELECT 1/0'))).rejects.toMatchObject({ code: '22012' });
    const answer = await as(1, () => client.query("PREPARE TRANSACTION 'refused'"));
    expect(answer.command).toBe('ROLLBACK');
    await client.query(INSERT, ['refused', 0]);
    await as(1, () => client.query(INSERT, ['refused', 1]));
    await as(2, () =>
      client.query("BEGIN; INSERT INTO note (test, owner) VALUES ('refused', 2); PREPARE TRANSACTION 'text'"),
    );
    await as(1, () => client.query(INSERT, ['refused', 1]));
    await client.query("COMMIT PREPARED 'text'");
    client.release();
    expect(await stored('refused')).toEqual(['0 named 0', '1 named 1', '1 named 1', '2 named 2']);
  });
});
