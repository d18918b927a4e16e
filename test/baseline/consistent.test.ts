import { runWithContext } from '@colophon/context';
import {
  installOracle,
  runWorkload,
  seedFromEnvironment,
  WORKLOAD_SCHEMA,
  WORKLOAD_TABLES,
  WORKLOAD_TABLES_OPTION,
} from '@colophon/testkit';
import { expect, inject, it } from 'vitest';
import { startColophon } from '../colophon-command.js';
import { instrumentedPool } from '../instrumented-pool.js';
import { trackDatabase } from '../tracked-database.js';
import { type CopiedTable, contents, replayAll, replayExactly } from './replay.js';

const TRANSACTIONS = Number(process.env.WORKLOAD_TRANSACTIONS ?? 300);
const COPIES = 3;

/** Tables of the workload whose key is one number, or that have none. */
const EXACT = [
  'item',
  'every_type',
  'document',
  'parent',
  'child',
  'scratch',
  'scratch_child',
  'generated',
  'no_key',
  'item_note',
];
const TABLES = [...EXACT, 'composite_key', 'reading', 'Odd Schema."Odd ""Table"'];

it(
  'a copy made while others write, and exactly what the log says after it, are the tables as they are',
  async () => {
    const seed = seedFromEnvironment();
    console.log(`SEED=${seed} WORKLOAD_TRANSACTIONS=${TRANSACTIONS}`);
    const database = await trackDatabase(inject('serverUrl'), WORKLOAD_SCHEMA, {
      tables: WORKLOAD_TABLES_OPTION,
    });
    const { client } = database;
    // The workload tells it what it does; here nobody asks it.
    await installOracle(database.url, WORKLOAD_TABLES);
    const pool = instrumentedPool({ connectionString: database.url, max: 6 });
    try {
      let copies = 0;
      const workload = runWorkload({
        url: database.url,
        pool,
        runInContext: runWithContext,
        transactions: TRANSACTIONS,
        seed,
        workers: 6,
        keepGoing: () => copies < COPIES,
      });
      workload.catch(() => {
        copies = COPIES;
      });
      // Each at another moment; the first, of everything tracked, when there is next to nothing yet.
      for (; copies < COPIES; copies++) {
        const names = copies === 0 ? [] : TABLES;
        const run = startColophon(['snapshot', ...names, ...database.args, '--chunk-rows', '40', '--json']);
        expect(await run.ended, run.stderr()).toBe(0);
        expect(new Set(jsonLines(run.stdout()).map(({ table }) => table)).size).toBe(13);
      }
      console.log(JSON.stringify(await workload));
      await database.once();

      await client.query("SET TimeZone = 'UTC'");
      // How often the snapshot alone could tell: committed near it, on either side.
      const { rows: counts } = await client.query(
        `SELECT count(*) FILTER (WHERE is_in)::int AS "inAfterLow", count(*) FILTER (WHERE NOT is_in)::int AS "notInBeforeHigh"
         FROM (SELECT colophon.is_in_baseline(c.timeline, c.commit_lsn, c.transaction_id, h.timeline,
                 h.low_lsn, h.high_lsn, h.snapshot) AS is_in
               FROM colophon.baseline_chunks h JOIN colophon.baselines b ON b.id = h.baseline_id
               JOIN colophon.changes c ON c."table" = b."table" AND c.commit_lsn >= h.low_lsn AND c.commit_lsn < h.high_lsn) j`,
      );
      console.log(JSON.stringify(counts[0]));
      const { rows: copied } = await client.query<CopiedTable & { chunks: number }>(
        `SELECT b.id AS baseline, b.schema, b."table", b.partition, count(*)::int AS chunks
         FROM colophon.baselines b JOIN colophon.baseline_chunks h ON h.baseline_id = b.id GROUP BY b.id ORDER BY b.id`,
      );
      expect(copied.filter(({ table }) => EXACT.includes(table))).toHaveLength(COPIES * EXACT.length);
      expect(Math.max(...copied.map(({ chunks }) => chunks))).toBeGreaterThan(3);
      for (const table of copied) {
        const replay = EXACT.includes(table.table) ? replayExactly : replayAll;
        expect(await replay(client, table), JSON.stringify(table)).toEqual(await contents(client, table));
      }
    } finally {
      await pool.end();
      await database.drop();
    }
  },
  120_000 + TRANSACTIONS * 200,
);

function jsonLines(text: string): { table: string }[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}
