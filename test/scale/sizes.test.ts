import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ScaleBench, say, scaleBench } from './measured-run.js';

/** On demand: SCALE_MIB=1024 and SCALE_VALUE_MB=100, SCALE_SLOW_MIB=64. */
const TRANSACTION_MIB = Number(process.env.SCALE_MIB ?? 64);
const VALUE_BYTES = Number(process.env.SCALE_VALUE_MB ?? 10) * 1e6;
const SLOW_BYTES_PER_SECOND = Number(process.env.SCALE_SLOW_MIB ?? 16) * 2 ** 20;
const SUBTRANSACTIONS = 10_000;

const ROW_BYTES = 1024;
const LIMIT_BYTES = 300e6;
/** How often a value may be in memory at once. */
const VALUE_COPIES = 8;

const SPEEDS: [string, number | undefined][] = [
  ['as fast as the store takes it', undefined],
  ['while the store is slow', SLOW_BYTES_PER_SECOND],
];

describe.skipIf(process.platform !== 'linux').each(SPEEDS)(
  'stores in bounded memory, %s,',
  (which, speed) => {
    let bench: ScaleBench;

    beforeEach(async () => {
      bench = await scaleBench('CREATE TABLE big (id bigint PRIMARY KEY, v text)', 'big');
    });
    afterEach(() => bench.drop());

    it(
      `one transaction of ${TRANSACTION_MIB} MiB`,
      async () => {
        const rows = (TRANSACTION_MIB * 2 ** 20) / ROW_BYTES;
        await bench.source.client.query(
          `INSERT INTO big SELECT i, repeat(md5(i::text), $2::int / 32) FROM generate_series(1, $1::bigint) i`,
          [rows, ROW_BYTES],
        );
        const measured = await bench.storeUpTo(rows, speed);
        say(`${TRANSACTION_MIB} MiB in one transaction, ${which}`, measured);
        expect(measured.peakBytes).toBeGreaterThan(20e6);
        expect(measured.peakBytes).toBeLessThan(LIMIT_BYTES);
        const { rows: stored } = await bench.store.query(
          `SELECT count(DISTINCT id)::int AS ids, max(sequence) AS last, count(DISTINCT commit_lsn)::int AS transactions,
                count(*) FILTER (WHERE (key ->> 'id')::bigint <> sequence + 1)::int AS misplaced,
                min(length(after ->> 'v'))::int AS shortest, max(length(after ->> 'v'))::int AS longest
         FROM colophon.changes`,
        );
        expect(stored[0]).toEqual({
          ids: rows,
          last: rows - 1,
          transactions: 1,
          misplaced: 0,
          shortest: ROW_BYTES,
          longest: ROW_BYTES,
        });
      },
      120_000 + TRANSACTION_MIB * 1000,
    );

    it(
      `a value of ${VALUE_BYTES / 1e6} MB, written, changed and deleted`,
      async () => {
        const { client } = bench.source;
        const values = ['x', 'ü'].map((letter) => letter.repeat(VALUE_BYTES / Buffer.byteLength(letter)));
        await client.query('INSERT INTO big VALUES (1, $1)', [values[0]]);
        await client.query('UPDATE big SET v = $1', [values[1]]);
        await client.query('DELETE FROM big');
        const measured = await bench.storeUpTo(3, speed);
        say(`a value of ${VALUE_BYTES / 1e6} MB, ${which}`, measured);
        expect(measured.peakBytes).toBeGreaterThan(VALUE_BYTES);
        expect(measured.peakBytes).toBeLessThan(LIMIT_BYTES + VALUE_COPIES * VALUE_BYTES);
        const { rows } = await bench.store.query(
          `SELECT operation, md5(before ->> 'v') AS before, md5(after ->> 'v') AS after FROM colophon.changes ORDER BY seq`,
        );
        const [first, second] = values.map((value) => createHash('md5').update(value).digest('hex'));
        expect(rows).toEqual([
          { operation: 'CREATE', before: null, after: first },
          { operation: 'UPDATE', before: first, after: second },
          { operation: 'DELETE', before: second, after: null },
        ]);
      },
      120_000 + VALUE_BYTES / 500,
    );

    it(`a transaction of ${SUBTRANSACTIONS} subtransactions, half of them rolled back`, async () => {
      await bench.source.client.query(`DO $$
      BEGIN
        FOR i IN 1 .. ${SUBTRANSACTIONS} LOOP
          BEGIN
            INSERT INTO big VALUES (i, 'x');
            IF i % 2 = 0 THEN RAISE EXCEPTION 'undone'; END IF;
          EXCEPTION WHEN raise_exception THEN NULL;
          END;
        END LOOP;
      END $$`);
      const measured = await bench.storeUpTo(SUBTRANSACTIONS / 2, speed);
      say(`${SUBTRANSACTIONS} subtransactions, ${which}`, measured);
      expect(measured.peakBytes).toBeLessThan(LIMIT_BYTES);
      const { rows } = await bench.store.query(
        `SELECT count(DISTINCT id)::int AS ids, max(sequence) AS last, count(DISTINCT commit_lsn)::int AS transactions,
              count(*) FILTER (WHERE (key ->> 'id')::int <> sequence * 2 + 1)::int AS misplaced FROM colophon.changes`,
      );
      expect(rows[0]).toEqual({
        ids: SUBTRANSACTIONS / 2,
        last: SUBTRANSACTIONS / 2 - 1,
        transactions: 1,
        misplaced: 0,
      });
    });
  },
);
