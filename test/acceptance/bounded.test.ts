import { runWithContext } from '@colophon/context';
import { instrument } from '@colophon/pg';
import pg from 'pg';
import { expect, inject, it } from 'vitest';
import { peakMemory, startColophon } from '../colophon-command.js';
import { trackDatabase } from '../tracked-database.js';

const ROWS = Number(process.env.BOUNDED_ROWS ?? 1_000_000);
const LIMIT_BYTES = 300e6;
const SCHEMA = `
CREATE TABLE big (id bigint PRIMARY KEY, a text, b timestamptz DEFAULT now(), c numeric);
CREATE FUNCTION fill(first bigint, n bigint) RETURNS bigint LANGUAGE sql VOLATILE AS
  $$ INSERT INTO big (id, a, c) SELECT i, 'row number ' || i || repeat(' padding', 5), i / 7.0
     FROM generate_series(first, first + n - 1) i; SELECT n $$;`;

it.skipIf(process.platform !== 'linux').each([
  [
    'its context known before the rows',
    "INSERT INTO big (id, a, c) SELECT i, 'row number ' || i || repeat(' padding', 5), i / 7.0 FROM generate_series(1, $1::bigint) i",
  ],
  ['its context known only after them', 'SELECT fill(1, $1)'],
])(
  `stores one transaction of ${ROWS} rows in bounded memory, %s`,
  async (which, statement) => {
    const database = await trackDatabase(inject('serverUrl'), SCHEMA, { tables: 'big' });
    const client = instrument(new pg.Client({ connectionString: database.url }));
    const run = startColophon(['run', ...database.args]);
    try {
      await client.connect();
      await runWithContext({ user: 'bulk' }, () => client.query(statement, [ROWS]));
      const startedAt = performance.now();
      let stored = 0;
      let peak = 0;
      while (stored < ROWS && !run.hasEnded()) {
        await new Promise((resolve) => setTimeout(resolve, 200));
        peak = Math.max(peak, peakMemory(run.pid) ?? 0);
        stored = Number((await database.client.query('SELECT count(*) FROM colophon.changes')).rows[0].count);
      }
      const seconds = (performance.now() - startedAt) / 1000;
      console.log(
        `${ROWS} rows, ${which}: peak RSS ${(peak / 1e6).toFixed(0)} MB, stored in ${seconds.toFixed(1)} s (${(ROWS / seconds).toFixed(0)} rows/s)`,
      );
      expect(run.stderr()).not.toMatch(/error/i);
      expect(stored).toBe(ROWS);
      expect(peak).toBeGreaterThan(20e6);
      expect(peak).toBeLessThan(LIMIT_BYTES);
      const { rows } = await database.client.query(`
        SELECT count(DISTINCT id)::int AS ids, min(sequence) AS first, max(sequence) AS last,
               count(*) FILTER (WHERE context <> '{"user": "bulk"}')::int AS misnamed,
               count(*) FILTER (WHERE (key ->> 'id')::bigint <> sequence + 1)::int AS misplaced
        FROM colophon.changes`);
      expect(rows[0]).toEqual({ ids: ROWS, first: 0, last: ROWS - 1, misnamed: 0, misplaced: 0 });
    } finally {
      await client.end();
      run.child.kill('SIGTERM');
      await run.ended;
      await database.drop();
    }
  },
  300_000,
);
