import { runWithContext } from '@colophon/context';
import { instrument } from '@colophon/pg';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import fc from 'fast-check';
import pg from 'pg';
import { expect, inject, it } from 'vitest';
import { openSlot } from './decoded.js';

const user = fc.constantFrom('1', '2', '3', 'nobody');
/** `$user` stands for who asks. What may write does so or not as the server decides. */
const statement = fc.constantFrom(
  "INSERT INTO t (owner) VALUES ('$user')",
  "INSERT INTO t (owner) VALUES ('$user')",
  "SELECT write('$user')",
  "SELECT write('$user')",
  'SELECT write(NULL)',
  "DO $do$ BEGIN PERFORM write('$user'); END $do$",
  'SELECT 1',
  "INSERT INTO t (owner) SELECT '$user' WHERE false",
  "INSERT INTO t (owner, n) VALUES ('$user', 0)",
  "SELECT write('$user'); INSERT INTO t (owner) VALUES ('$user')",
  "INSERT INTO t (owner) VALUES ('$user'); SELECT write('$user')",
  "SAVEPOINT s; SELECT write('$user'); ROLLBACK TO s; SELECT write('$user')",
  "SELECT write('$user'); COMMIT; SELECT write('$user')",
  "BEGIN; SELECT write('$user'); SELECT 1",
  "COMMIT AND CHAIN; INSERT INTO t (owner) VALUES ('$user')",
);
const control = fc.constantFrom(
  'BEGIN',
  'BEGIN',
  'COMMIT',
  'ROLLBACK',
  'SAVEPOINT s',
  'ROLLBACK TO s',
  'RELEASE s',
  'COMMIT AND CHAIN',
  'ROLLBACK AND CHAIN',
);
const step = fc.record({
  user,
  text: fc.oneof({ weight: 3, arbitrary: statement }, { weight: 2, arbitrary: control }),
  hasValues: fc.boolean(),
});

for (const isPipelining of [false, true]) {
  it(`gives each row of random sessions its caller's context${isPipelining ? ', pipelined' : ''}`, async () => {
    const url = await createDatabase(inject('serverUrl'));
    const slot = await openSlot(url, `random_${isPipelining}`);
    await slot.client.query(`
      CREATE TABLE t (owner text, n int CHECK (n > 0));
      CREATE FUNCTION write(who text) RETURNS void LANGUAGE plpgsql AS
        $$ BEGIN IF who IS NOT NULL THEN INSERT INTO t (owner) VALUES (who); END IF; END $$;
    `);
    const client = instrument(
      new pg.Client({ connectionString: url, pipeline: isPipelining } as pg.ClientConfig),
    );
    await client.connect();
    let rowsSeen = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const answers: Promise<unknown>[] = [];
        for (const { user: who, text, hasValues } of steps) {
          const sql = text.replaceAll('$user', who);
          // An empty array keeps the simple protocol, so the extended one is asked for.
          const ask = () =>
            client.query({
              text: sql,
              ...(hasValues && !sql.includes(';') ? { queryMode: 'extended' } : {}),
            } as pg.QueryConfig);
          const answer = (who === 'nobody' ? ask() : runWithContext({ user: who }, ask)).catch(
            () => undefined,
          );
          answers.push(answer);
          if (!isPipelining) await answer;
        }
        await Promise.all(answers);
        await client.query('COMMIT').catch(() => client.query('ROLLBACK'));
        const rows = await slot.rows();
        rowsSeen += rows.length;
        for (const row of rows) {
          const owner = /owner\[text\]:'([^']*)'/.exec(row.text)![1];
          expect(row).toMatchObject({ context: owner === 'nobody' ? '{}' : `{"user":"${owner}"}` });
        }
      }),
      { numRuns: 150 },
    );
    expect(rowsSeen).toBeGreaterThan(100);
    await client.end();
    await slot.close();
    await dropDatabase(url);
  });
}
