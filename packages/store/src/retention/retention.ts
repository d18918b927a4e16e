import { storeError } from '../connection/store-error.js';
import type { Queryable } from '../migrate/store-version.js';
import { explainRefusal } from '../rights/missing-rights.js';

/** What is to be kept; at least one of the first two. */
export interface RetentionWish {
  /** Months that ended longer ago than this go: an interval as PostgreSQL reads it, `400 days`. Null: no limit. */
  readonly keep: string | null;
  /** The oldest months go until the records, with their indexes, take no more than this. Null: no limit. */
  readonly maxBytes: bigint | null;
  /**
   * What holds nothing back: sources, by name, that will never store anything again; and tables, as `schema.table`, whose
   * baselines may lose changes that they need, and then go too.
   */
  readonly ignoring: readonly string[];
}

/** A month of records, or what of the default partition may go. */
export interface RetentionPart {
  /** `2026_11`, or `default`. */
  readonly part: string;
  /** `drop`: it goes; `held`: it would, but for the reason. */
  readonly verdict: 'drop' | 'held';
  readonly reason: string | null;
  /** Null where it isn't counted: of what is held. */
  readonly changes: bigint | null;
  /** Null for the default partition, of which rows are deleted. */
  readonly bytes: bigint | null;
  /** By the source's clock, ISO 8601 in UTC. */
  readonly firstCommittedAt: string | null;
  readonly lastCommittedAt: string | null;
}

const TIME = (column: string) =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00'`;
const COUNTED = `changes::text, ${TIME('first_committed_at')} AS first, ${TIME('last_committed_at')} AS last`;

/**
 * What retention would let go, the oldest first, as far as history goes without a hole: the first that is held ends it. Reads
 * all of the months that would go; changes nothing. Fails with `PRIVILEGE_MISSING`, `CONNECTION_LOST` and its like.
 */
export async function planRetention(client: Queryable, wish: RetentionWish): Promise<RetentionPart[]> {
  return described(client, async () => {
    const values = [wish.keep, wish.maxBytes?.toString() ?? null, wish.ignoring];
    const months = await client.query(
      `SELECT part, bytes::text, verdict, reason FROM colophon.retention_months($1::interval, $2::bigint, $3::text[])
        WHERE verdict <> 'keep' ORDER BY part`,
      values,
    );
    const parts: RetentionPart[] = [];
    for (const month of months.rows) {
      const part = partOf(
        month,
        month.verdict === 'held' ? {} : await contentsOf(client, month.part as string, wish),
      );
      parts.push(part);
      if (part.verdict === 'held') return parts;
    }
    const { rows } = await client.query(
      `SELECT 'default' AS part, 'drop' AS verdict, ${COUNTED}
         FROM colophon.default_contents(colophon.default_limit($1::interval, $2::bigint, $3::text[]))`,
      values,
    );
    return rows[0]?.changes === '0'
      ? parts
      : [...parts, partOf({ part: 'default', verdict: 'drop' }, rows[0]!)];
  });
}

/**
 * Lets it go, month by month, each in a transaction of its own that also notes it in `colophon.retentions`; `onPart` is told
 * of each. Whoever stores or reads meanwhile waits half a second at most. Fails with `LOCK_TIMEOUT` (retryable) where a
 * month stays in use; what was dropped before stays dropped.
 */
export async function applyRetention(
  client: Queryable,
  wish: RetentionWish,
  onPart: (part: RetentionPart) => void,
): Promise<void> {
  const values = [wish.keep, wish.maxBytes?.toString() ?? null, wish.ignoring];
  await described(client, async () => {
    for (const name of ['drop_oldest_month', 'delete_from_default']) {
      for (;;) {
        const { rows } = await client.query(
          `SELECT part, bytes::text, ${COUNTED} FROM colophon.${name}($1::interval, $2::bigint, $3::text[])`,
          values,
        );
        if (rows[0] === undefined) break;
        onPart(partOf({ ...rows[0], verdict: 'drop' }, rows[0]));
      }
    }
  });
}

async function contentsOf(
  client: Queryable,
  part: string,
  wish: RetentionWish,
): Promise<Record<string, unknown>> {
  const { rows } = await client.query(
    `SELECT ${COUNTED}, CASE WHEN last_stored_at >= colophon.young_since($2::interval)
         THEN 'some of it was stored only on ' || to_char(last_stored_at, 'YYYY-MM-DD') END AS held
       FROM colophon.month_contents($1)`,
    [part, wish.keep],
  );
  return rows[0]!;
}

function partOf(month: Record<string, unknown>, counted: Record<string, unknown>): RetentionPart {
  const held = (counted.held ?? null) as string | null;
  const big = (value: unknown) => (typeof value === 'string' ? BigInt(value) : null);
  return {
    part: month.part as string,
    verdict: held === null ? (month.verdict as 'drop' | 'held') : 'held',
    reason: held ?? ((month.reason ?? null) as string | null),
    changes: big(counted.changes),
    bytes: big(month.bytes),
    firstCommittedAt: (counted.first ?? null) as string | null,
    lastCommittedAt: (counted.last ?? null) as string | null,
  };
}

async function described<T>(client: Queryable, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw await explainRefusal(storeError(error, 'Retention could not be applied'), client, 'retention');
  }
}
