import { type BaselineProgress, ColophonError } from '@colophon/protocol';
import { SourceCatalog } from '../decode/source-catalog.js';
import { checkRedactionRules } from '../redact/check-rules.js';
import { redactorsOf } from '../redact/redaction-rules.js';
import type { TableRedactor } from '../redact/table-redactor.js';
import { checkSource } from '../replication/check-source.js';
import { awaitWriters } from './await-writers.js';
import type { BaselineOptions, BaselineResult, BaselineStep } from './baseline-options.js';
import { describeTable } from './describe-table.js';
import { readChunk } from './read-chunk.js';
import { SourceSession } from './source-session.js';
import { findTables, type SourceTable } from './source-tables.js';

const DEFAULT_CHUNK_ROWS = 20_000;
const DEFAULT_CHUNK_BYTES = 16 * 2 ** 20;
const DEFAULT_TIMEOUT_MS = 30_000;
// What a row is taken for where nothing is known.
const UNKNOWN_ROW_BYTES = 4096;

/**
 * Copies tables as they are now, so that what is known of a row begins before its first change. Reads piece by
 * piece in the primary key's order, each piece in a short transaction; a table without a key that can be followed as
 * one piece, in one transaction. What was broken off is continued by the same call. Holds up no writer.
 *
 * One table that can't be finished (dropped or altered meanwhile, locked) doesn't keep the others from it; the first such
 * error is thrown at the end. Throws `BASELINE_INCOMPLETE` (also where `signal` ended it), `TABLE_MISSING`,
 * `TABLE_UNSUITABLE`, `PRIVILEGE_MISSING`, `UNSUPPORTED_SERVER` (a standby), `SLOT_MISSING` and the other codes of slot and
 * publication, `LOCK_TIMEOUT`, `TIMEOUT`, `CONNECTION_FAILED`, `CONNECTION_LOST`, `REDACTION_IMPOSSIBLE`, and what the sink throws.
 */
export async function takeBaselines(options: BaselineOptions): Promise<BaselineResult[]> {
  const { source, sink, slot = 'colophon', publication = 'colophon' } = options;
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const redactor = redactorsOf(options.redact, options.columns).tables;
  const session = await SourceSession.open(source, timeoutMs, timeoutMs);
  try {
    const facts = await checkPlace(session, slot, publication);
    const tables = await findTables(session, publication, options.tables ?? null);
    if (redactor !== null) await checkRedactionRules(redactor, session.query);
    await sink.open({
      name: options.name ?? facts.database,
      environment: options.environment ?? '',
      database: facts.database,
      systemIdentifier: facts.systemIdentifier,
      slot,
    });
    redactor?.recall((await sink.recallRelations?.()) ?? []);
    return await takeEach(session, tables, options, redactor, timeoutMs);
  } catch (error) {
    throw options.signal?.aborted === true && !(error instanceof ColophonError) ? stopped() : error;
  } finally {
    await session.end();
    await sink.close();
  }
}

async function takeEach(
  session: SourceSession,
  tables: readonly SourceTable[],
  options: BaselineOptions,
  redactor: TableRedactor | null,
  timeoutMs: number,
): Promise<BaselineResult[]> {
  const onlyMissing = options.onlyMissing ?? options.tables === undefined;
  const results: BaselineResult[] = [];
  let failure: ColophonError | undefined;
  for (const source of tables) {
    try {
      const result = await take(session, source, options, redactor, timeoutMs, onlyMissing);
      if (result === null) continue;
      results.push(result);
      options.onDone?.(result);
    } catch (error) {
      if (!(error instanceof ColophonError) || !isOfOneTable(error)) throw error;
      failure ??= error;
      await session.query('ROLLBACK');
    }
  }
  if (failure !== undefined) throw failure;
  return results;
}

/** Whether it was told before a chunk of the table was begun, and by the source: the others can go on. */
function isOfOneTable({ code, details }: ColophonError): boolean {
  if (code === 'TIMEOUT') return details.sqlstate === undefined;
  return code === 'BASELINE_INCOMPLETE' || code === 'LOCK_TIMEOUT';
}

async function take(
  session: SourceSession,
  source: SourceTable,
  options: BaselineOptions,
  redactor: TableRedactor | null,
  timeoutMs: number,
  onlyMissing: boolean,
): Promise<BaselineResult | null> {
  const { sink, signal, publication = 'colophon' } = options;
  const catalog = new SourceCatalog(session.query, redactor);
  const described = await describeTable(session, catalog, publication, source);
  const { table, estimatedRows } = described;
  if (onlyMissing && (await sink.progress(table))?.isComplete === true) return null;
  const tell = (rows: bigint, waitsFor = 0): void => {
    options.onProgress?.({ table, rows, estimatedRows, waitsFor } satisfies BaselineStep);
  };
  await awaitWriters(session, source, timeoutMs, signal, (writers) => tell(0n, writers));
  const begun = await sink.begin(table);
  let { rows, chunks, lastKey } = begun;
  let rowBytes = described.rowBytes ?? UNKNOWN_ROW_BYTES;
  tell(rows);
  for (let isLast = false; !isLast; ) {
    signal?.throwIfAborted();
    const limit = described.keyTypes === null ? null : chunkLimit(options, rowBytes);
    const chunk = await readChunk(session, sink, {
      source,
      publication,
      described,
      after: lastKey,
      limit,
      redactor,
      signal,
    });
    isLast = chunk.isLast;
    rows += BigInt(chunk.rows);
    chunks++;
    lastKey = chunk.lastKey;
    if (chunk.rows > 0) rowBytes = chunk.bytes / chunk.rows;
    tell(rows);
  }
  return { table, rows, chunks, isResumed: isBegun(begun) };
}

/** Rows to the next piece: as many as have about the wanted bytes, by the piece before it. */
function chunkLimit(options: BaselineOptions, rowBytes: number): number {
  const { chunkRows = DEFAULT_CHUNK_ROWS, chunkBytes = DEFAULT_CHUNK_BYTES } = options;
  return Math.max(1, Math.min(chunkRows, Math.floor(chunkBytes / Math.max(1, rowBytes))));
}

function isBegun({ chunks }: BaselineProgress): boolean {
  return chunks > 0;
}

async function checkPlace(
  session: SourceSession,
  slot: string,
  publication: string,
): Promise<{ database: string; systemIdentifier: string }> {
  const [facts] = await session.query<{
    database: string;
    standby: boolean;
    version: string;
    system: string;
    isMade: boolean | null;
  }>(
    `SELECT current_database() AS database, pg_is_in_recovery() AS standby, current_setting('server_version') AS version,
       (SELECT system_identifier::text FROM pg_control_system()) AS system,
       (SELECT confirmed_flush_lsn IS NOT NULL FROM pg_replication_slots WHERE slot_name = $1) AS "isMade"`,
    [slot],
  );
  if (facts!.standby) {
    throw new ColophonError(
      'UNSUPPORTED_SERVER',
      'The source is a standby, wanted the primary: a baseline is tied to the log that the primary writes. Give the URL of the primary.',
    );
  }
  const query = (text: string, values?: readonly unknown[]) =>
    session.query<Record<string, unknown>>(text, values === undefined ? undefined : [...values]);
  await checkSource({ query, serverVersion: async () => facts!.version }, slot, publication);
  if (facts!.isMade === false) {
    throw new ColophonError(
      'SLOT_IN_USE',
      `Slot ${slot} is still being made, which waits for open transactions to end: what they change would be missing. Run it again when it is there.`,
      { retryable: true },
    );
  }
  return { database: facts!.database, systemIdentifier: facts!.system };
}

function stopped(): ColophonError {
  return new ColophonError(
    'BASELINE_INCOMPLETE',
    'Stopped before all rows were copied: run it again, and it goes on from the last chunk.',
    { retryable: true },
  );
}
