import type { JsonText } from './json-text.js';
import type { Lsn } from './lsn.js';

/** What was done to a row, in the store's words. An upsert is what it did: `CREATE` or `UPDATE`. */
export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'TRUNCATE';

/** The table of a change, as it was in the changing transaction. One object per table version, shared by its changes. */
export interface Relation {
  /** `pg_class.oid` at the source: of the leaf, for a partitioned table. */
  readonly oid: number;
  /** The schema of `table`. */
  readonly schema: string;
  /** The table; for a partitioned table its root. */
  readonly table: string;
  /** The partition that was written: its name, with its schema before it (`archive.todo_2024`) where that is another than the root's. Null where the table isn't partitioned. */
  readonly partition: string | null;
  /** The primary key's columns in the key's order, from the catalog; empty without a key. */
  readonly keyColumns: readonly string[];
}

/** One decoded row change, before it is given its context. */
export interface Change {
  readonly relation: Relation;
  readonly operation: Operation;
  /** Ordinal in its transaction, from 0: rows as received, messages not counted. */
  readonly sequence: number;
  /** The change's own LSN. Not unique: the rows of one COPY share a few. */
  readonly position: Lsn;
  /** Index into the transaction's `contexts`, which are known only at its end. */
  readonly segment: number;
  /** The primary key's columns as a JSON object: after's for CREATE and UPDATE, before's for DELETE; `{}` without a key. */
  readonly key: JsonText;
  /** The key column's text; for a composite key what `key::text` gives in PostgreSQL; null without a key. */
  readonly primaryKey: string | null;
  /** The row before, as a JSON object whose values are what `to_jsonb` gives; `{}` where there is none. */
  readonly before: JsonText;
  /** The row after, likewise. */
  readonly after: JsonText;
  /** Columns whose value the stream did not carry (unchanged TOAST without identity FULL): absent from `after`. */
  readonly unchanged: readonly string[];
}
