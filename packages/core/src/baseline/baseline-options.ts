import type { BaselineSink, BaselineTable } from '@colophon/protocol';
import type { ColumnOptions } from '../columns/column-options.js';
import type { RedactionRules } from '../redact/redaction-rules.js';
import type { WantedTable } from './source-tables.js';

/** What is copied, from where, to where. */
export interface BaselineOptions {
  /** Connection URL of the database to read; a primary. Its role needs SELECT on the tables. */
  source: string;
  /** Where the copies go. */
  sink: BaselineSink;
  /** The tables, partitioned ones by their root. Default: all that are published and have no complete baseline. */
  tables?: readonly WantedTable[];
  /** Leaves out what has a complete baseline already, also of the tables named. Default: only where no tables are named. */
  onlyMissing?: boolean;
  /** Replication slot; must exist, since without the changes that follow it a baseline says nothing. Default `colophon`. */
  slot?: string;
  /** Publication; must hold the tables. Default `colophon`. */
  publication?: string;
  /** The source's name in audit records. Default: the database's name. */
  name?: string;
  /** Its label in audit records. Default: empty. */
  environment?: string;
  /** Most rows to a chunk: what one transaction at the source reads, and what is lost when it is broken off. Default 20,000. */
  chunkRows?: number;
  /** About how many bytes to a chunk, where rows are large. Default 16 MiB. */
  chunkBytes?: number;
  /**
   * Values that are never kept, as a consumer's: those of `context` have no meaning here. Default: none. A table with a rule for a column of its
   * primary key isn't continued where it was broken off, since that place isn't kept either: it is begun anew.
   */
  redact?: RedactionRules;
  /** Rules for columns by pattern, as a consumer's: a baseline is of whole rows, so those of `ignore` have no meaning here. Default: none. */
  columns?: ColumnOptions;
  /** How long to wait for a connection, for a table's lock, and for transactions that write to it. Default 30,000. */
  timeoutMs?: number;
  /** Ends it; what is whole is kept. */
  signal?: AbortSignal;
  /** Told after each chunk, and while something is waited for. */
  onProgress?: (progress: BaselineStep) => void;
  /** Told after each table. */
  onDone?: (result: BaselineResult) => void;
}

/** Where a copy stands. */
export interface BaselineStep {
  readonly table: BaselineTable;
  readonly rows: bigint;
  /** How many rows it may become, by the server's estimate; null where it has none. */
  readonly estimatedRows: number | null;
  /** How many transactions are waited for before it can begin. */
  readonly waitsFor: number;
}

/** A table's finished copy. */
export interface BaselineResult {
  readonly table: BaselineTable;
  readonly rows: bigint;
  readonly chunks: number;
  /** Whether an earlier, unfinished copy was continued. */
  readonly isResumed: boolean;
}
