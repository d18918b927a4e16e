import { runWithContext } from '@colophon/context';
import type { ContractChange, ContractEnvironment } from '@colophon/testkit';
import type { TrackedDatabase } from '../tracked-database.js';

/** For one case of the contract: what the case before it left, failed or not, is not seen. */
export async function environmentOf(database: TrackedDatabase): Promise<ContractEnvironment> {
  const query = async (sql: string) => (await database.client.query(sql)).rows;
  await query('TRUNCATE item');
  const [start] = await query('SELECT pg_current_wal_insert_lsn() AS lsn');
  return {
    url: database.url,
    runInContext: runWithContext,
    query,
    async changes() {
      await database.once();
      const { rows } = await database.client.query<ContractChange>(
        'SELECT operation, before, after, context FROM colophon.changes WHERE commit_lsn >= $1 ORDER BY seq',
        [start?.lsn],
      );
      return rows;
    },
  };
}
