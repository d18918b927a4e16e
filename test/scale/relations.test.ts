import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { colophon } from '../colophon-command.js';
import { measureRun, say } from './measured-run.js';

/** On demand: SCALE_RELATIONS=10000. */
const RELATIONS = Number(process.env.SCALE_RELATIONS ?? 1000);
const LIMIT_BYTES = 300e6;
/** A transaction's locks have room for so many tables. */
const TABLES_A_TRANSACTION = 200;

const SCHEMA = `
CREATE PROCEDURE each_table(statement text) LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. ${RELATIONS} LOOP
    EXECUTE replace(statement, '#', 't_' || i);
    IF i % ${TABLES_A_TRANSACTION} = 0 THEN COMMIT; END IF;
  END LOOP;
END $$`;

describe(`${RELATIONS} tables`, () => {
  let url: string;
  let storeUrl: string;
  let client: pg.Client;
  let store: pg.Client;
  let args: string[];

  beforeAll(async () => {
    url = await createDatabase(inject('serverUrl'));
    storeUrl = await createDatabase(inject('serverUrl'));
    client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(SCHEMA);
    await client.query(
      `CALL each_table('CREATE TABLE # (id bigint PRIMARY KEY, a int, b text, c numeric, d timestamptz, e jsonb, f text[], g uuid, h bool, i date)')`,
    );
    store = new pg.Client({ connectionString: storeUrl });
    await store.connect();
    args = ['--source', url, '--store', storeUrl, '--slot', `many_${new URL(url).pathname.slice(1)}`];
  }, 300_000);
  afterAll(async () => {
    await client?.end();
    await store?.end();
    await dropDatabase(url);
    await dropDatabase(storeUrl);
  });

  it('are set up by init, all of them, and found as they should be by the next', async () => {
    const startedAt = performance.now();
    await colophon('init', ...args, '--all-tables', '--yes', '--timeout', '120');
    const setUpAt = performance.now();
    await colophon('init', ...args, '--all-tables', '--yes', '--timeout', '120');
    const checkedAt = performance.now();
    await colophon('doctor', ...args);
    console.log(
      `${RELATIONS} tables: init ${seconds(startedAt, setUpAt)} s, again ${seconds(setUpAt, checkedAt)} s, doctor ${seconds(checkedAt, performance.now())} s`,
    );
    const { rows } = await client.query(
      `SELECT count(*)::int AS published, count(*) FILTER (WHERE relreplident = 'f')::int AS whole
         FROM pg_publication_rel JOIN pg_class c ON c.oid = prrelid`,
    );
    expect(rows[0]).toEqual({ published: RELATIONS, whole: RELATIONS });
  }, 600_000);

  it('are stored from in bounded memory: those written before the start, those written for the first time after it', async () => {
    await client.query(`CALL each_table('INSERT INTO # (id, b) VALUES (1, ''#'')')`);
    const first = await measureRun({ args, storeUrl }, store, RELATIONS);
    say(`${RELATIONS} tables, written before the start`, first);
    const second = await measureRun({ args, storeUrl }, store, 3 * RELATIONS, {
      whenStreaming: async () => {
        await client.query(`CALL each_table('UPDATE # SET a = 1')`);
        await client.query(`CALL each_table('DELETE FROM #')`);
      },
    });
    say(`${RELATIONS} tables, written after it`, second);
    for (const { peakBytes } of [first, second]) {
      expect(peakBytes).toBeGreaterThan(20e6);
      expect(peakBytes).toBeLessThan(LIMIT_BYTES);
    }
    const { rows } = await store.query(
      `SELECT count(*)::int AS tables, min(all_right::int) AS all_right FROM (
           SELECT array_agg(operation ORDER BY seq) = '{CREATE,UPDATE,DELETE}' AND bool_and(primary_key = '1')
                  AND bool_and(coalesce(after ->> 'b', before ->> 'b') = "table") AS all_right
           FROM colophon.changes GROUP BY "table") t`,
    );
    expect(rows[0]).toEqual({ tables: RELATIONS, all_right: 1 });
  }, 600_000);
});

function seconds(fromMs: number, toMs: number): string {
  return ((toMs - fromMs) / 1000).toFixed(1);
}
