import { instrument } from '@colophon/pg';
import { ColophonError } from '@colophon/protocol';
import type { DataSourceLike, PostgresDriverLike } from './typeorm.js';

const served = new WeakSet<object>();

/**
 * Instruments the pools that a data source has now: the master's and the replicas'. Called for every query, so what was done is remembered, by pool:
 * `destroy` and `initialize` give the same driver new ones. Throws `UNSUPPORTED_CLIENT` where it can't be served.
 */
export function serveDataSource(dataSource: DataSourceLike): void {
  const driver = dataSource.driver as PostgresDriverLike;
  if (driver.master !== undefined && served.has(driver.master)) return;
  const { type } = dataSource.options;
  if (type !== 'postgres') {
    throw new ColophonError(
      'UNSUPPORTED_CLIENT',
      `ColophonSubscriber was given a data source of type ${type}, wanted postgres: leave it out of that data source's subscribers.`,
      { details: { type } },
    );
  }
  // Not connected: it comes back with the first query.
  if (driver.master === undefined) return;
  for (const pool of [driver.master, ...(driver.slaves ?? [])]) instrument(pool);
  served.add(driver.master);
}
