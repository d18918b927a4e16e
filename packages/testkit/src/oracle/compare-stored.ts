import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { COUNT_DIFFERENCES, LIST_DIFFERENCES, STORED_TABLE } from './comparison-sql.js';
import { type Difference, describeDifference } from './describe-difference.js';

/** How `colophon.changes` differs from what the oracle expects. All zero and no `differences`: they are equal. */
export interface ComparisonReport {
  readonly expected: number;
  readonly stored: number;
  /** Expected, and not stored. */
  readonly lost: number;
  /** Stored more than once. */
  readonly doubled: number;
  /** Stored, and never committed at the source. */
  readonly invented: number;
  readonly wrongContext: number;
  /** Another operation, table, key, row or transaction fact than the oracle's. */
  readonly wrongValue: number;
  /** Stored in another order than committed. */
  readonly outOfOrder: number;
  /** The first few, for people. */
  readonly differences: readonly string[];
}

/** What can be expected of the stored. */
export interface ComparisonOptions {
  /** Whether `queued_at` and `created_at` come in order. Default true: all ran on one machine. */
  readonly clocksAgree?: boolean;
}

/**
 * Copies `colophon.changes` of the store beside the oracle and lets PostgreSQL compare: `jsonb` knows best when two
 * of its values are equal. Everything is compared, in both directions.
 */
export async function compareStored(
  sourceUrl: string,
  storeUrl: string,
  options: ComparisonOptions = {},
): Promise<ComparisonReport> {
  const [queuedAt, createdAt] =
    options.clocksAgree === false ? ['committed_at', 'committed_at'] : ['queued_at', 'created_at'];
  const source = new pg.Client({ connectionString: sourceUrl });
  const store = new pg.Client({ connectionString: storeUrl });
  try {
    await Promise.all([source.connect(), store.connect()]);
    const database = new URL(sourceUrl).pathname.slice(1);
    await source.query("SET TimeZone = 'UTC'; SET client_min_messages = warning; SET work_mem = '64MB'");
    await store.query("SET TimeZone = 'UTC'");
    await source.query(STORED_TABLE);
    await pipeline(
      store.query(
        copyTo(`COPY (
          SELECT id, seq, database, schema, "table", partition, primary_key, key, operation, before, after, unchanged,
                 context, verified, committed_at, ${queuedAt}, ${createdAt}, transaction_id, position, commit_lsn, sequence
          FROM colophon.changes WHERE database = ${pg.escapeLiteral(database)}) TO STDOUT`),
      ),
      source.query(copyFrom('COPY oracle.stored FROM STDIN')),
    );
    await source.query('ANALYZE oracle.stored');
    const counts = (await source.query(COUNT_DIFFERENCES)).rows[0] as Omit<ComparisonReport, 'differences'>;
    const { rows } = await source.query(LIST_DIFFERENCES);
    return { ...counts, differences: (rows as Difference[]).map(describeDifference) };
  } finally {
    await Promise.allSettled([source.end(), store.end()]);
  }
}
