import { type Lsn, parseLsn } from '@colophon/protocol';
import type { Run } from './paged-query.js';
import { timeColumn } from './time-column.js';

/** How far one source is stored. */
export interface SourceStatus {
  readonly source: string;
  readonly environment: string;
  readonly database: string;
  readonly slot: string;
  readonly systemIdentifier: string;
  /** Null until something was stored, like all that follows. */
  readonly timeline: number | null;
  readonly commitLsn: Lsn | null;
  /** Everything before it is stored. */
  readonly endLsn: Lsn | null;
  /** Everything before it is stored, or holds nothing to store, or lies in a gap. May be of a later timeline than `timeline`. */
  readonly accountedLsn: Lsn | null;
  /** How many gaps were ever found. */
  readonly gaps: number;
  readonly lastSeq: bigint | null;
  /** The source's clock at the commit of its last stored change, ISO 8601 with microseconds. */
  readonly lastCommittedAt: string | null;
  /** When the position last moved, by the store's clock. */
  readonly storedAt: string | null;
  /** How many changes were ever stored. */
  readonly changes: bigint;
  /** How many records could not be stored and are kept in `colophon.unstored`. */
  readonly unstored: bigint;
}

/** What `Store.status` gives. */
export interface StoreStatus {
  readonly version: number;
  readonly sources: readonly SourceStatus[];
  /** Of the records, with their indexes. */
  readonly sizeBytes: bigint;
  /** The months that have partitions, the oldest first: `2026_11`. */
  readonly partitions: readonly string[];
  /** Whether changes lie in the default partition: of months that had none of their own. */
  readonly hasDefaultRows: boolean;
}

const SOURCES = `SELECT o.name, o.environment, o.database, o.slot,
 coalesce(p.accounted_system_identifier, p.system_identifier, o.system_identifier) AS system_identifier, p.timeline,
 p.commit_lsn, p.end_lsn, p.accounted_lsn, p.last_seq,
 (SELECT count(*)::int FROM colophon.gaps g
   WHERE (g.source, g.environment, g.database) = (o.name, o.environment, o.database)
     AND (g.reason <> 'publication-changed' OR g.approved_by IS NULL)) AS gaps,
 ${timeColumn('p.last_committed_at')}, ${timeColumn('p.stored_at')}, p.changes,
 colophon.count_unstored(o.id)::text AS unstored
 FROM colophon.sources o JOIN colophon.positions p ON p.source_id = o.id ORDER BY o.name, o.environment, o.database`;

const PARTITIONS = `SELECT sum(pg_total_relation_size(i.inhrelid))::bigint AS bytes,
 coalesce(array_agg(DISTINCT substring(c.relname FROM '\\d{4}_\\d{2}$') ORDER BY substring(c.relname FROM '\\d{4}_\\d{2}$'))
   FILTER (WHERE c.relname ~ '\\d{4}_\\d{2}$'), '{}') AS months,
 colophon.has_default_rows() AS has_default_rows
 FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent IN ('colophon.change_records'::regclass, 'colophon.segments'::regclass)`;

/** Asks for the store's state: small tables and the catalog, no records. */
export async function readStatus(run: Run, version: number): Promise<StoreStatus> {
  const sources = await run(SOURCES, []);
  const [partitions] = await run(PARTITIONS, []);
  return {
    version,
    sources: sources.map((row) => ({
      source: row.name as string,
      environment: row.environment as string,
      database: row.database as string,
      slot: row.slot as string,
      systemIdentifier: row.system_identifier as string,
      timeline: row.timeline as number | null,
      commitLsn: row.commit_lsn === null ? null : parseLsn(row.commit_lsn as string),
      endLsn: row.end_lsn === null ? null : parseLsn(row.end_lsn as string),
      accountedLsn: row.accounted_lsn === null ? null : parseLsn(row.accounted_lsn as string),
      gaps: row.gaps as number,
      lastSeq: row.last_seq === null ? null : BigInt(row.last_seq as string),
      lastCommittedAt: row.last_committed_at as string | null,
      storedAt: row.stored_at as string | null,
      changes: BigInt(row.changes as string),
      unstored: BigInt(row.unstored as string),
    })),
    sizeBytes: BigInt((partitions?.bytes as string | null) ?? 0),
    partitions: partitions?.months as string[],
    hasDefaultRows: partitions?.has_default_rows as boolean,
  };
}
