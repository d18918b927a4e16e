import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { expect, inject, it } from 'vitest';
import { colophon, peakMemory, startColophon } from '../colophon-command.js';

const MIB = 2 ** 20;
/** More than memory may be; 1024 is tried on demand. */
const TABLE_MIB = Number(process.env.BASELINE_MIB ?? 320);

it(
  `copies a table of ${TABLE_MIB} MiB, with rows of 16 bytes to 8 MiB, with and without a key, in less than 300 MB`,
  async () => {
    const url = await createDatabase(inject('serverUrl'));
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      await client.query(
        'CREATE TABLE keyed (id int PRIMARY KEY, v text); CREATE TABLE keyless (id int, v text)',
      );
      // Small ones first, so that what is known of their size misleads.
      await client.query(
        `INSERT INTO keyed SELECT i, CASE WHEN i <= 20000 THEN 'small' ELSE repeat(md5(i::text), 262144) END
         FROM generate_series(1, 20000 + $1::int) i`,
        [Math.floor(TABLE_MIB / 16)],
      );
      await client.query('INSERT INTO keyless SELECT * FROM keyed; ANALYZE keyed, keyless');
      const args = ['--source', url, '--slot', `colophon_${new URL(url).pathname.slice(1)}`];
      await colophon('init', '--tables', 'keyed,keyless', '--yes', ...args);
      const run = startColophon(['snapshot', '--json', ...args]);
      let peak = 0;
      while (!run.hasEnded()) {
        peak = Math.max(peak, peakMemory(run.pid) ?? 0);
        await client.query('SELECT pg_sleep(0.05)');
      }
      expect(await run.ended, run.stderr()).toBe(0);
      console.log(`peak ${Math.round(peak / MIB)} MiB: ${run.stdout()}`);
      expect(peak).toBeGreaterThan(0);
      expect(peak).toBeLessThan(300e6);
      const { rows } = await client.query(
        `SELECT count(*)::int AS n, count(*) FILTER (WHERE b.after ->> 'v' = k.v)::int AS same
         FROM colophon.baseline b JOIN keyed k ON k.id = (b.after ->> 'id')::int`,
      );
      const rowsOfBoth = 2 * (20_000 + Math.floor(TABLE_MIB / 16));
      expect(rows).toEqual([{ n: rowsOfBoth, same: rowsOfBoth }]);
    } finally {
      await client.end();
      await dropDatabase(url);
    }
  },
  120_000 + TABLE_MIB * 1000,
);
