import { type Lsn, parseLsn } from '@colophon/protocol';
import type { Run } from './paged-query.js';

/** Which gaps. */
export interface GapFilter {
  /** Only of sources with this name. */
  readonly source?: string;
  /** Only of sources with this label. */
  readonly environment?: string;
}

/** One row of `colophon.gaps`: a stretch of a source's log that what is stored doesn't account for (docs/contracts.md). */
export interface GapRow {
  readonly id: bigint;
  readonly source: string;
  readonly environment: string;
  readonly database: string;
  /** One of `GapReason`'s words, or of a later version's. */
  readonly reason: string;
  readonly fromLsn: Lsn | null;
  readonly toLsn: Lsn | null;
  readonly fromTimeline: number | null;
  readonly toTimeline: number | null;
  readonly fromSystemIdentifier: string | null;
  readonly toSystemIdentifier: string | null;
  /** The source's clock at the last commit stored before it, ISO 8601 with microseconds. */
  readonly lastCommittedAt: string | null;
  /** Tables that it concerns; null for all. */
  readonly tables: readonly string[] | null;
  readonly detail: string;
  readonly approvedBy: string | null;
  /** By the store's clock. */
  readonly detectedAt: string;
}

const time = (column: string): string =>
  `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00' AS ${column}`;

const GAPS = `SELECT id, source, environment, database, reason, from_lsn, to_lsn, from_timeline, to_timeline,
 from_system_identifier, to_system_identifier, ${time('last_committed_at')}, tables, detail, approved_by,
 ${time('detected_at')} FROM colophon.gaps
 WHERE ($1::text IS NULL OR source = $1) AND ($2::text IS NULL OR environment = $2) ORDER BY gaps.id`;

/** Every gap, in the order in which they were found. */
export async function readGaps(run: Run, filter: GapFilter): Promise<GapRow[]> {
  const rows = await run(GAPS, [filter.source ?? null, filter.environment ?? null]);
  const lsnOf = (value: unknown): Lsn | null => (value === null ? null : parseLsn(value as string));
  return rows.map((row) => ({
    id: BigInt(row.id as string),
    source: row.source as string,
    environment: row.environment as string,
    database: row.database as string,
    reason: row.reason as string,
    fromLsn: lsnOf(row.from_lsn),
    toLsn: lsnOf(row.to_lsn),
    fromTimeline: row.from_timeline as number | null,
    toTimeline: row.to_timeline as number | null,
    fromSystemIdentifier: row.from_system_identifier as string | null,
    toSystemIdentifier: row.to_system_identifier as string | null,
    lastCommittedAt: row.last_committed_at as string | null,
    tables: row.tables as string[] | null,
    detail: row.detail as string,
    approvedBy: row.approved_by as string | null,
    detectedAt: row.detected_at as string,
  }));
}
