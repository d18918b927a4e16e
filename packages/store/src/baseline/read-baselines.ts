import { type JsonText, type Lsn, parseLsn } from '@colophon/protocol';
import type { ParsedJson } from '../query/change-row.js';
import type { Run } from '../query/paged-query.js';

/** One copy of one table, or of one partition. */
export interface BaselineStatus {
  /** Names the copy. */
  readonly baseline: number;
  readonly source: string;
  readonly environment: string;
  readonly database: string;
  readonly schema: string;
  readonly table: string;
  readonly partition: string | null;
  readonly isComplete: boolean;
  readonly rows: bigint;
  readonly chunks: number;
  /** When it was begun, by the store's clock: ISO 8601 with microseconds. */
  readonly startedAt: string;
  /** When its last chunk was read, by the source's clock; null where there is none yet. */
  readonly takenAt: string | null;
  /** No transaction that committed there or later is in it; null where nothing was read yet. */
  readonly highLsn: Lsn | null;
  readonly timeline: number | null;
}

/** A row of a baseline. */
export interface StoredBaselineRow {
  readonly primary_key: string | null;
  readonly keyJson: JsonText;
  /** The row, every digit as it was. */
  readonly afterJson: JsonText;
  readonly key: ParsedJson;
  readonly after: ParsedJson;
  /** Exactly what is visible to `snapshot` is in it: see `colophon.is_in_baseline`. */
  readonly timeline: number;
  readonly lowLsn: Lsn;
  readonly highLsn: Lsn;
  readonly snapshot: string;
  readonly takenAt: string;
}

/** Which rows of a baseline. */
export interface BaselineRowsOptions {
  /** Only the row with this primary key, as `primary_key` of its changes has it. Default: all. */
  readonly primaryKey?: string;
}

const LARGEST_PAGE = 1_000;
const FIRST_PAGE = 100;
const PAGE_LENGTH = 8_000_000;

const time = (expression: string): string =>
  `to_char(${expression}, 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00'`;

const STATUS = `SELECT b.id, o.name, o.environment, o.database, b."schema", b."table", b.partition, c.is_complete,
 coalesce(c.rows, 0)::text AS rows, c.chunks, ${time('b.started_at')} AS started_at, ${time('c.taken_at')} AS taken_at,
 c.high_lsn::text AS high_lsn, c.timeline
 FROM colophon.baselines b JOIN colophon.sources o ON o.id = b.source_id
 CROSS JOIN LATERAL (SELECT coalesce(bool_or(c.is_last), false) AS is_complete, sum(c.rows) AS rows, count(*)::int AS chunks,
   max(c.taken_at) AS taken_at, max(c.high_lsn) AS high_lsn, max(c.timeline) AS timeline
   FROM colophon.baseline_chunks c WHERE c.baseline_id = b.id) c
 ORDER BY o.name, o.environment, b."schema", b."table", b.partition, b.id`;

/** Every copy, finished or not, the oldest of a table first. Reads no rows of them. */
export async function readBaselines(run: Run): Promise<BaselineStatus[]> {
  const rows = await run(STATUS, []);
  return rows.map((row) => ({
    baseline: row.id as number,
    source: row.name as string,
    environment: row.environment as string,
    database: row.database as string,
    schema: row.schema as string,
    table: row.table as string,
    partition: row.partition as string | null,
    isComplete: row.is_complete as boolean,
    rows: BigInt(row.rows as string),
    chunks: row.chunks as number,
    startedAt: row.started_at as string,
    takenAt: row.taken_at as string | null,
    highLsn: row.high_lsn === null ? null : parseLsn(row.high_lsn as string),
    timeline: row.timeline as number | null,
  }));
}

/** The rows of one copy in the order in which they were read, page by page; none of a copy that isn't complete. */
export async function* readBaselineRows(
  run: Run,
  baseline: number,
  { primaryKey }: BaselineRowsOptions,
): AsyncGenerator<StoredBaselineRow, void, undefined> {
  let chunk = -1;
  let place = -1;
  let page = FIRST_PAGE;
  for (;;) {
    const rows = await run(
      `SELECT b.chunk, b.place, b.primary_key, b.key::text AS key, b.after::text AS after, b.timeline,
 b.low_lsn::text AS low_lsn, b.high_lsn::text AS high_lsn, b.snapshot::text AS snapshot, ${time('b.taken_at')} AS taken_at
 FROM colophon.baseline b
 WHERE b.baseline = $1 AND (b.chunk, b.place) > ($2, $3) AND ($4::text IS NULL OR b.primary_key = $4)
 ORDER BY b.chunk, b.place LIMIT ${page}`,
      [baseline, chunk, place, primaryKey ?? null],
    );
    let length = 0;
    for (const row of rows) {
      chunk = row.chunk as number;
      place = row.place as number;
      const keyJson = row.key as JsonText;
      const afterJson = row.after as JsonText;
      length += afterJson.length;
      yield {
        primary_key: row.primary_key as string | null,
        keyJson,
        afterJson,
        get key() {
          return JSON.parse(keyJson);
        },
        get after() {
          return JSON.parse(afterJson);
        },
        timeline: row.timeline as number,
        lowLsn: parseLsn(row.low_lsn as string),
        highLsn: parseLsn(row.high_lsn as string),
        snapshot: row.snapshot as string,
        takenAt: row.taken_at as string,
      };
    }
    if (rows.length < page) return;
    page = length > PAGE_LENGTH ? Math.max(1, page >> 2) : Math.min(LARGEST_PAGE, page * 2);
  }
}
