import { type BaselineRow, type BaselineSink, ColophonError, parseLsn } from '@colophon/protocol';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { int32At, utf8Text } from '../decode/bytes.js';
import { SourceCatalog } from '../decode/source-catalog.js';
import { TEXT_COLUMN, type Tuple } from '../decode/tuple.js';
import { CopyRows } from './copy-rows.js';
import { type DescribedTable, describeTable, tableGone } from './describe-table.js';
import type { SourceSession } from './source-session.js';
import { nameText, type SourceTable } from './source-tables.js';

/** Which piece of a table is read. */
export interface ChunkWish {
  readonly source: SourceTable;
  readonly publication: string;
  /** The table as its copy was begun. */
  readonly described: DescribedTable;
  /** The key after which the piece begins; null at the beginning. */
  readonly after: readonly string[] | null;
  /** Most rows; null for all there are. */
  readonly limit: number | null;
  readonly signal: AbortSignal | undefined;
}

/** What a piece had. */
export interface ChunkResult {
  readonly rows: number;
  readonly bytes: number;
  readonly isLast: boolean;
  readonly lastKey: readonly string[] | null;
}

const WRITE_ROWS = 500;
const WRITE_LENGTH = 262_144;
const CHUNK_TIMEOUT_MS = 600_000;

/**
 * Reads one piece of a table in a transaction of its own, and has it stored. The order is what makes it exact:
 * the log's end (`low`), the table's lock, the snapshot, the log's end again (`high`). The lock is ACCESS SHARE: it holds
 * up no writer. It comes before the snapshot, since TRUNCATE and rewrites of a table don't mind snapshots: a table emptied
 * in between would be read as empty by a snapshot that is older.
 */
export async function readChunk(
  session: SourceSession,
  sink: BaselineSink,
  wish: ChunkWish,
): Promise<ChunkResult> {
  const { source, described } = wish;
  const name = `${quoted(source.schema)}.${quoted(source.name)}`;
  const [low] = await session.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn');
  await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  await session.query(`LOCK TABLE ONLY ${name} IN ACCESS SHARE MODE`).catch((error: unknown) => {
    throw (error as ColophonError).details.sqlstate === '42P01' ? tableGone(source) : error;
  });
  const [seen] = await session.query<{ snapshot: string; lsn: string; timeline: number; at: string }>(
    `SELECT pg_current_snapshot()::text AS snapshot, now.lsn::text AS lsn, clock_timestamp()::text AS at,
       ('x' || left(pg_walfile_name(now.lsn), 8))::bit(32)::int AS timeline
     FROM (SELECT pg_current_wal_insert_lsn() AS lsn) now`,
  );
  const today = await describeTable(session, new SourceCatalog(session.query), wish.publication, source);
  if (today.table.columns !== described.table.columns) throw altered(source);
  const limit = wish.limit === null ? 0 : wish.limit;
  await session.query(`SET LOCAL statement_timeout = ${limit === 0 ? 0 : CHUNK_TIMEOUT_MS}`);
  await sink.beginChunk({
    timeline: seen!.timeline,
    lowLsn: parseLsn(low!.lsn),
    highLsn: parseLsn(seen!.lsn),
    snapshot: seen!.snapshot,
    takenAt: seen!.at,
  });
  const found = await copyRows(session, sink, wish, today, name);
  await session.query('COMMIT');
  const isLast = limit === 0 || found.rows < limit;
  await sink.endChunk({ lastKey: found.lastKey, isLast });
  return { ...found, isLast };
}

async function copyRows(
  session: SourceSession,
  sink: BaselineSink,
  { source, after, limit, signal }: ChunkWish,
  { table, decoder, columns, keyTypes }: DescribedTable,
  name: string,
): Promise<Omit<ChunkResult, 'isLast'>> {
  const key = keyTypes === null ? [] : table.keyColumns.map(quoted);
  const where =
    after === null
      ? ''
      : ` WHERE ROW(${key.join(', ')}) OPERATOR(pg_catalog.>) ROW(${after.map((text, place) => `${pg.escapeLiteral(text)}::${keyTypes![place]}`).join(', ')})`;
  const order = limit === null ? '' : ` ORDER BY ${key.join(', ')} LIMIT ${limit}`;
  const keyPlaces = table.keyColumns.map((column) => columns.indexOf(column));
  const reader = new CopyRows(columns.length);
  let batch: BaselineRow[] = [];
  let length = 0;
  let rows = 0;
  let bytes = 0;
  let lastKey: readonly string[] | null = null;
  const give = async () => {
    await sink.write(batch);
    batch = [];
    length = 0;
  };
  const stream = session.client.query(
    copyTo(`COPY (SELECT ${columns.map(quoted).join(', ')} FROM ONLY ${name}${where}${order}) TO STDOUT`),
  );
  // The stream of a query that failed says so once; who has left by then isn't asked.
  stream.on('error', () => {});
  try {
    for await (const received of stream as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      let last: Tuple | undefined;
      for (const tuple of reader.push(received)) {
        const {
          key,
          primaryKey,
          after: row,
        } = decoder.decode({
          tag: 'insert',
          relationOid: table.oid,
          after: tuple,
        });
        batch.push({ key, primaryKey, row });
        rows++;
        length += row.length;
        bytes += row.length;
        last = tuple;
        if (batch.length >= WRITE_ROWS || length >= WRITE_LENGTH) {
          if (keyTypes !== null) lastKey = textsAt(tuple, keyPlaces);
          await give();
        }
      }
      if (last !== undefined && keyTypes !== null) lastKey = textsAt(last, keyPlaces);
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw session.error(error, `${nameText(source.schema, source.name)} could not be read`);
  }
  if (batch.length > 0) await give();
  return { rows, bytes, lastKey };
}

function altered(source: SourceTable): ColophonError {
  return new ColophonError(
    'BASELINE_INCOMPLETE',
    `${nameText(source.schema, source.name)} was altered while its baseline was taken: run it again, which begins that table anew.`,
    { retryable: true },
  );
}

/** The texts of some of a row's columns; of a key, so none of them is null. */
function textsAt({ buffer, start, columnCount }: Tuple, places: readonly number[]): string[] {
  const texts: string[] = [];
  let at = start;
  for (let column = 0; column < columnCount; column++) {
    if (buffer[at++] !== TEXT_COLUMN) continue;
    const from = at + 4;
    at = from + int32At(buffer, at);
    const place = places.indexOf(column);
    if (place >= 0) texts[place] = utf8Text(buffer, from, at);
  }
  return texts;
}

function quoted(name: string): string {
  return pg.escapeIdentifier(name);
}
