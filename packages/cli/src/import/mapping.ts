import type { Operation } from '@colophon/protocol';

/** A column's name, or a value that is the same for all rows. */
export type ColumnOrValue = string | { readonly value: string };

/**
 * Which columns of an audit table say what of a change. Given as JSON by `--map`, over a preset where one is named. A name is a
 * column's.
 */
export interface ImportMapping {
  /** Names a row for good: a column that is unique and never null. Rows are read in its order, unless it is a UUID: then by `committedAt`. */
  readonly id: string;
  /** The source's database. Default: the one that is read. */
  readonly database?: ColumnOrValue;
  /** Default: `public`. */
  readonly schema?: ColumnOrValue;
  readonly table: ColumnOrValue;
  /** Other names for what stands in `table`: `{ "Todo": "todos" }`. */
  readonly tables?: Readonly<Record<string, string>>;
  readonly operation: ColumnOrValue;
  /** What its values mean, beside the usual ones; null: not a change of a row, left out. */
  readonly operations?: Readonly<Record<string, Operation | null>>;
  /** The row before and after, each whole: JSON, hstore, or JSON as text. */
  readonly before?: string;
  readonly after?: string;
  /** … or the row before an update (after an insert, before a delete), and what an update changed in it. */
  readonly row?: string;
  readonly changed?: string;
  /** … or the row before, and for each column that changed its two values: `{ "title": ["old", "new"] }`. */
  readonly object?: string;
  readonly objectChanges?: string;
  /** The columns of the rows' primary key. Default `["id"]`, or what the source's catalog says. */
  readonly key?: readonly string[];
  /** … of single tables: `{ "sales.order_line": ["order_id", "line"] }`. */
  readonly keys?: Readonly<Record<string, readonly string[]>>;
  /** The key's value, where the rows don't hold it. */
  readonly keyValue?: string;
  readonly committedAt: string;
  readonly queuedAt?: string;
  readonly createdAt?: string;
  /** Of times without one: `Europe/Berlin`. Default UTC. */
  readonly timeZone?: string;
  /** The xid; of one with an epoch (`txid_current()`) the epoch is dropped. */
  readonly transactionId?: string;
  /** The change's own LSN, as `pg_lsn` or a number. */
  readonly position?: string;
  /** A column that holds it whole, or its keys with the column of each. */
  readonly context?: string | Readonly<Record<string, ColumnOrValue>>;
}

/** A mapping that is built in. */
export interface Preset {
  readonly mapping: ImportMapping;
  /** Where such a table is, unless `--table` says otherwise. */
  readonly table: string;
  /** Rows are read in the order of these instead of the id's. */
  readonly order?: readonly string[];
  /** Rows that are no changes of rows. */
  readonly where?: string;
  /** Whether the rows' ids are the changes'. */
  readonly keepsIds?: boolean;
}
