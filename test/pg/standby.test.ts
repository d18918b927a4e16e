import { runWithContext } from '@colophon/context';
import { instrument } from '@colophon/pg';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchPrimaryAndStandby, type PrimaryAndStandby } from '../hot-standby.js';

let servers: PrimaryAndStandby;

beforeAll(async () => {
  servers = await launchPrimaryAndStandby(
    'CREATE TABLE t (v text); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
  );
});
afterAll(() => servers?.stop());

const SCRIPT = [
  'SELECT 1 AS x',
  'SELECT f()',
  { text: 'SELECT f() WHERE $1 = 1', values: [1] },
  "INSERT INTO t VALUES ('a')",
  { text: 'INSERT INTO t VALUES ($1)', values: ['a'] },
  { text: 'INSERT INTO t VALUES ($1)', values: ['a'], name: 'n' },
  { text: 'INSERT INTO t VALUES ($1)', values: ['a'], name: 'n' },
  "SELECT 1; INSERT INTO t VALUES ('a')",
  'BEGIN',
  'SELECT f()',
  'INSERT INTO t VALUES (1)',
  'ROLLBACK',
  'SELECT f()',
];

it('gives the same results and errors on a hot standby as without', async () => {
  const outcomes = [];
  for (const isOurs of [false, true]) {
    const client = new pg.Client({ connectionString: servers.standby.url() });
    if (isOurs) instrument(client, { onEmissionRefused: (error) => outcomes.push(error) });
    await client.connect();
    const outcome: unknown[] = [];
    for (const query of SCRIPT) {
      const answer = runWithContext({ user: 1 }, () => client.query(query as string));
      outcome.push(
        await answer.then(
          ({ rows, command, rowCount }) => ({ rows, command, rowCount }),
          (error) => ({ ...error, message: error.message }),
        ),
      );
    }
    await client.end();
    outcomes.push(outcome);
  }
  expect(outcomes).toHaveLength(2);
  expect(outcomes[1]).toEqual(outcomes[0]);
  expect(JSON.stringify(outcomes[0])).toContain('25006');
});

it('finds the primary among several hosts by asking, as an application does', async () => {
  const pools = [servers.standby, servers.primary].map((server) =>
    instrument(new pg.Pool({ connectionString: server.url(), max: 1 })),
  );
  await runWithContext({ user: 1 }, async () => {
    for (const pool of pools) {
      const { rows } = await pool.query('SELECT pg_is_in_recovery() AS standby');
      if (!rows[0].standby) expect((await pool.query("INSERT INTO t VALUES ('b')")).rowCount).toBe(1);
    }
  });
  for (const pool of pools) await pool.end();
});
