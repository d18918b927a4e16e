type Run = (sql: string, values: unknown[]) => Promise<Record<string, unknown>[]>;

/** Whose changes: as `run` stores them. */
export interface ActivitySource {
  readonly source: string;
  readonly environment: string;
}

/** How much was stored of a table in the last 24 hours. */
export interface TableActivity {
  readonly schema: string;
  readonly table: string;
  /** Counted, or estimated from samples. */
  readonly changes: number;
  /** Of these, how many have a context. */
  readonly named: number;
}

/** What happened in the last 24 hours, table by table. */
export interface Activity {
  readonly tables: readonly TableActivity[];
  /** Whether all was counted; else it is an estimate, in which a table with few changes may be missing. */
  readonly isExact: boolean;
}

/** Up to so many changes are counted. */
const COUNTED = 100_000;
/** Beyond, so many stretches are, each as long as makes up the same number. */
const STRETCHES = 200;

// The numbers of the one order, between which the last 24 hours lie. The first is that of one of the earliest: several sources
// are stored side by side, each in an order of its own.
const BOUNDS = `SELECT
  (SELECT min(e.seq) FROM (SELECT r.seq FROM colophon.change_records r WHERE r.committed_at >= now() - interval '24 hours'
    ORDER BY r.committed_at LIMIT 1000) e)::text AS first,
  (SELECT max(r.seq) FROM colophon.change_records r)::text AS last`;

// $1: the stretches' beginnings; $2: their length.
const COUNTS = `SELECT r."schema", r."table", count(*)::float8 AS changes,
    count(*) FILTER (WHERE s.context <> '{}' AND NOT s.context ? 'colophon.error')::float8 AS named
  FROM unnest($1::bigint[]) AS stretch(first)
    CROSS JOIN LATERAL (SELECT r.segment_id, r.committed_at, r."schema", r."table" FROM colophon.change_records r
      WHERE r.seq >= stretch.first AND r.seq < stretch.first + $2 AND r.committed_at >= now() - interval '24 hours') r
    JOIN colophon.segments s ON s.id = r.segment_id AND s.committed_at = r.committed_at
    JOIN colophon.sources o ON o.id = s.source_id
  WHERE o.name = $3 AND o.environment = $4 GROUP BY 1, 2`;

/**
 * Counts the changes of the last 24 hours, by the source's clock. Reads at most about a hundred thousand records, however many
 * there are: where there are more it looks at stretches of them, evenly spread.
 */
export async function readActivity(run: Run, { source, environment }: ActivitySource): Promise<Activity> {
  const [bounds] = await run(BOUNDS, []);
  if (bounds?.first == null || bounds.last == null) return { tables: [], isExact: true };
  const first = BigInt(bounds.first as string);
  const total = BigInt(bounds.last as string) - first + 1n;
  const isExact = total <= BigInt(COUNTED);
  const length = isExact ? COUNTED : COUNTED / STRETCHES;
  const step = isExact ? 1n : total / BigInt(STRETCHES);
  const stretches = Array.from({ length: isExact ? 1 : STRETCHES }, (_, at) =>
    (first + BigInt(at) * step).toString(),
  );
  const scale = isExact ? 1 : Number(total) / COUNTED;
  const rows = await run(COUNTS, [stretches, length, source, environment]);
  return {
    isExact,
    tables: rows.map((row) => ({
      schema: row.schema as string,
      table: row.table as string,
      changes: Math.round((row.changes as number) * scale),
      named: Math.round((row.named as number) * scale),
    })),
  };
}
