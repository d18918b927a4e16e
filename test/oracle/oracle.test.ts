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
import { instrumentedPool } from '../instrumented-pool.js';
import { trackDatabase } from '../tracked-database.js';
import { EQUAL } from './equal.js';

const TRANSACTIONS = Number(process.env.WORKLOAD_TRANSACTIONS ?? 2000);

it(
  'stores row for row, value for value, context for context, in order, what the oracle saw',
  async () => {
    const seed = seedFromEnvironment();
    console.log(`SEED=${seed} WORKLOAD_TRANSACTIONS=${TRANSACTIONS}`);
    const database = await trackDatabase(inject('serverUrl'), WORKLOAD_SCHEMA, {
      tables: WORKLOAD_TABLES_OPTION,
    });
    try {
      const oracle = await installOracle(database.url, WORKLOAD_TABLES);
      const pool = instrumentedPool({ connectionString: database.url, max: 8 });
      const result = await runWorkload({
        url: database.url,
        pool,
        runInContext: runWithContext,
        transactions: TRANSACTIONS,
        seed,
      }).finally(() => pool.end());
      await database.once();
      const harvest = await oracle.harvest();
      console.log(JSON.stringify({ ...result, ...harvest }));
      const report = await oracle.compare(database.storeUrl);
      expect(report.differences.join('\n')).toBe('');
      expect(report).toMatchObject({ ...EQUAL, stored: harvest.changes });
      expect(harvest.transactions).toBeGreaterThanOrEqual(TRANSACTIONS);
      expect(Math.min(harvest.named, harvest.nameless, harvest.mixed)).toBeGreaterThan(TRANSACTIONS / 20);
      expect(Object.keys(harvest.byOperation).sort()).toEqual(['CREATE', 'DELETE', 'TRUNCATE', 'UPDATE']);
    } finally {
      await database.drop();
    }
  },
  60_000 + TRANSACTIONS * 100,
);
