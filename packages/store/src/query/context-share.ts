import type { Run } from './paged-query.js';

/** How many of a table's latest changes have a context. */
export interface ContextShare {
  readonly schema: string;
  readonly table: string;
  readonly changes: number;
  /** Of them, those with a context. */
  readonly named: number;
}

/** Whose changes are counted. */
export interface ContextShareFilter {
  /** Only of the source with this name. */
  readonly source?: string;
  /** Only of sources with this label. */
  readonly environment?: string;
}

/** Enough to see a table that is written now and then, and quick. */
const LATEST = 20_000;

const SHARES = `SELECT "schema", "table", count(*)::int AS changes, (count(*) FILTER (WHERE is_named))::int AS named
 FROM (SELECT r."schema", r."table", s.context <> '{}'::jsonb AS is_named
   FROM colophon.change_records r JOIN colophon.segments s ON s.id = r.segment_id AND s.committed_at = r.committed_at
   JOIN colophon.sources o ON o.id = s.source_id
   WHERE r.committed_at > now() - interval '1 day'
     AND ($1::text IS NULL OR o.name = $1) AND ($2::text IS NULL OR o.environment = $2)
   ORDER BY r.seq DESC LIMIT ${LATEST}) latest GROUP BY 1, 2 ORDER BY 1, 2`;

/** Counts the latest changes of the last day by table. */
export async function readContextShares(run: Run, filter: ContextShareFilter): Promise<ContextShare[]> {
  const rows = await run(SHARES, [filter.source ?? null, filter.environment ?? null]);
  return rows.map((row) => row as unknown as ContextShare);
}
