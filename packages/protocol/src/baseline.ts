import type { JsonText } from './json-text.js';
import type { Lsn } from './lsn.js';

/** The source whose tables are copied: what audit records call it. */
export interface BaselineSource {
  readonly name: string;
  /** Its label; empty where none is given. */
  readonly environment: string;
  readonly database: string;
  readonly systemIdentifier: string;
  readonly slot: string;
}

/** One table, or one partition of a partitioned one, as it is now. */
export interface BaselineTable {
  /** `pg_class.oid` at the source: the leaf's, for a partition. */
  readonly oid: number;
  /** As a change's: for a partition the root's schema and table, and the leaf in `partition`. */
  readonly schema: string;
  readonly table: string;
  readonly partition: string | null;
  /** The primary key's columns in the key's order; empty without a key. */
  readonly keyColumns: readonly string[];
  /** Names and types of all columns, in one text. Where it is another than before, what was copied can't be continued. */
  readonly columns: string;
}

/**
 * What a chunk's rows were read under: exactly the transactions that are visible in `snapshot` are in them. By positions:
 * none that committed at `highLsn` or later, and every one that committed long enough before `lowLsn`.
 */
export interface BaselineChunk {
  readonly timeline: number;
  /** The log's end before the snapshot was taken. */
  readonly lowLsn: Lsn;
  /** The log's end after it was taken. */
  readonly highLsn: Lsn;
  /** The text of `pg_current_snapshot()`. */
  readonly snapshot: string;
  /** The source's clock, as PostgreSQL writes a timestamptz. */
  readonly takenAt: string;
}

/** One copied row, as a CREATE record of it would have it. */
export interface BaselineRow {
  readonly key: JsonText;
  readonly primaryKey: string | null;
  readonly row: JsonText;
}

/** How far a table's copy is. */
export interface BaselineProgress {
  readonly rows: bigint;
  readonly chunks: number;
  /** Of the last row that is kept, the key columns' texts; null where nothing is, or without a key. */
  readonly lastKey: readonly string[] | null;
  readonly isComplete: boolean;
}

/**
 * Where baselines are kept. Called one method at a time:
 * `open (progress | (begin (beginChunk write* endChunk)*))* close`. A chunk is durable with `endChunk`, whole or not at all.
 * After a rejection only `close` may follow.
 */
export interface BaselineSink {
  /** Gets ready for a source. `STORE_BUSY` where another copies this source now. */
  open(source: BaselineSource): Promise<void>;
  /** The newest copy of a table, as far as it can be continued or is complete; null where there is none. */
  progress(table: BaselineTable): Promise<BaselineProgress | null>;
  /** Continues the table's newest copy, or begins one where that is complete or can't be continued. Says where it stands. */
  begin(table: BaselineTable): Promise<BaselineProgress>;
  beginChunk(chunk: BaselineChunk): Promise<void>;
  /** Takes rows; resolves when it may take more. */
  write(rows: readonly BaselineRow[]): Promise<void>;
  /** Makes the chunk durable. `lastKey` is of its last row; null where it has none, or no key. */
  endChunk(end: { readonly lastKey: readonly string[] | null; readonly isLast: boolean }): Promise<void>;
  close(): Promise<void>;
}
