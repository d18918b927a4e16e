import { runWithContext } from '@colophon/context';
import { instrument } from '@colophon/pg';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchPrimaryAndStandby, type PrimaryAndStandby } from '../hot-standby.js';
import { openSlot } from './decoded.js';

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

it('names rows on the new primary as on the old one, through a pool made anew and one that was open before', async () => {
  const INSERT = 'INSERT INTO t VALUES ($1)';
  const { primary, standby } = servers;
  const open = (server: { url(): string }) => {
    const pool = instrument(new pg.Pool({ connectionString: server.url(), max: 2 }));
    pool.on('error', () => {});
    return pool;
  };
  const as = <T>(user: string, work: () => T) => runWithContext({ user }, work);
  const everyone = (pool: pg.Pool, round: string) =>
    Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        as(`${round} ${i}`, async () => {
          await pool.query('SELECT f()');
          await pool.query(INSERT, [`${round} ${i}`]);
        }),
      ),
    );
  const lost = open(primary);
  const reader = open(standby);
  await everyone(lost, 'before');
  // Its connections know the server as one that can't write.
  await as('reader', () => Promise.all([reader.query('SELECT f()'), reader.query('SELECT f()')]));
  await expect(as('reader', () => reader.query(INSERT, ['x']))).rejects.toMatchObject({ code: '25006' });
  await primary.halt('immediate');
  await expect(as('late', () => lost.query(INSERT, ['late']))).rejects.toThrow();
  const admin = new pg.Client({ connectionString: standby.url() });
  await admin.connect();
  expect((await admin.query('SELECT pg_promote(true, 60) AS done')).rows[0].done).toBe(true);
  await admin.end();

  const slot = await openSlot(standby.url(), 'new_primary');
  const anew = open(standby);
  await Promise.all([everyone(anew, 'anew'), everyone(reader, 'kept')]);
  const named = (await slot.rows()).map(({ text, context }) => [
    /'(.*)'/.exec(text)?.[1],
    JSON.parse(context).user,
  ]);
  await slot.close();
  for (const pool of [lost, reader, anew]) await pool.end();
  const owners = ['anew', 'kept'].flatMap((round) => Array.from({ length: 50 }, (_, i) => `${round} ${i}`));
  expect(named.map(([owner]) => owner).sort()).toEqual(owners.sort());
  for (const [owner, user] of named) expect(user).toBe(owner);
});
