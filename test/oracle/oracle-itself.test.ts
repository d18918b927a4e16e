import { runWithContext } from '@colophon/context';
import {
  createDatabase,
  dropDatabase,
  installOracle,
  type Oracle,
  runWorkload,
  seedFromEnvironment,
  WORKLOAD_SCHEMA,
  WORKLOAD_TABLES,
} from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { EQUAL } from './equal.js';

/** A `colophon.changes` without Colophon: what the oracle expects, itself, to be spoiled one way at a time. */
const IMITATION = `
CREATE SCHEMA colophon;
CREATE TABLE colophon.changes AS
  SELECT gen_random_uuid() AS id, place * 10 AS seq, current_database()::text AS database, schema, "table", partition,
         CASE WHEN key_width > 1 AND operation <> 'TRUNCATE' THEN key::text ELSE primary_key END AS primary_key, key,
         operation, before, after, '{}'::text[] AS unchanged, context, NULL::boolean AS verified,
         committed_at, clock_timestamp() AS queued_at, clock_timestamp() AS created_at, xid AS transaction_id,
         (position - '0/0')::bigint AS position, end_lsn - 1::numeric AS commit_lsn, sequence
  FROM oracle.expected`;

describe('the oracle, without Colophon', () => {
  let url: string;
  let client: pg.Client;
  let oracle: Oracle;

  beforeAll(async () => {
    const seed = seedFromEnvironment();
    console.log(`SEED=${seed}`);
    url = await createDatabase(inject('serverUrl'));
    client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(WORKLOAD_SCHEMA);
    oracle = await installOracle(url, WORKLOAD_TABLES);
    const pool = new pg.Pool({ connectionString: url, max: 8 });
    const result = await runWorkload({
      url,
      pool,
      runInContext: runWithContext,
      transactions: 300,
      seed,
    }).finally(() => pool.end());
    const harvest = await oracle.harvest();
    console.log(JSON.stringify({ ...result, ...harvest }));
    await client.query(IMITATION);
  });
  afterAll(async () => {
    await client?.end();
    await dropDatabase(url);
  });

  it('finds its own expectation equal to itself', async () => {
    const report = await oracle.compare(url);
    expect(report).toMatchObject({ ...EQUAL, differences: [] });
    expect(report.stored).toBe(report.expected);
    expect(report.expected).toBeGreaterThan(1000);
  });

  it.each([
    ['a lost row', 'DELETE FROM colophon.changes WHERE seq = $1', { lost: 1 }],
    [
      'a doubled row',
      'INSERT INTO colophon.changes SELECT * FROM colophon.changes WHERE seq = $1',
      { doubled: 1, wrongValue: 1 },
    ],
    [
      'an invented row',
      'UPDATE colophon.changes SET transaction_id = 1 WHERE seq = $1',
      { invented: 1, lost: 1 },
    ],
    [
      'another name',
      `UPDATE colophon.changes SET context = context || '{"user": "mallory"}' WHERE seq = $1`,
      { wrongContext: 1 },
    ],
    [
      'another value',
      `UPDATE colophon.changes SET after = after || '{"n": 1}' WHERE seq = $1`,
      { wrongValue: 1 },
    ],
    ['an operation', `UPDATE colophon.changes SET operation = 'MERGE' WHERE seq = $1`, { wrongValue: 1 }],
    [
      'a microsecond',
      "UPDATE colophon.changes SET committed_at = committed_at + interval '1 microsecond' WHERE seq = $1",
      { wrongValue: 1 },
    ],
    [
      'another commit',
      'UPDATE colophon.changes SET commit_lsn = commit_lsn + 1::numeric WHERE seq = $1',
      { wrongValue: 1 },
    ],
    ['an order', 'UPDATE colophon.changes SET seq = seq - 15 WHERE seq = $1', { outOfOrder: 1 }],
  ])('tells of %s', async (_what, spoil, found) => {
    await client.query('BEGIN; CREATE TABLE oracle.kept AS TABLE colophon.changes; COMMIT');
    try {
      await client.query(spoil, [10 * 700]);
      const report = await oracle.compare(url);
      expect(report).toMatchObject({ ...EQUAL, ...found });
      expect(report.differences).toHaveLength(Object.keys(found).length);
    } finally {
      await client.query(
        'DROP TABLE colophon.changes; ALTER TABLE oracle.kept SET SCHEMA colophon; ALTER TABLE colophon.kept RENAME TO changes',
      );
    }
  });
});
