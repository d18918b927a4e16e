import type { JsonText, Operation } from '@colophon/protocol';

/** A change that another audit trail recorded. What it didn't record is null, and stored as PostgreSQL's own word for "none": 0, `0/0`. */
export interface ImportedChange {
  /** A UUID that names the change however often it is imported. */
  readonly id: string;
  /** The source that it becomes a change of. */
  readonly source: string;
  readonly environment: string;
  readonly database: string;
  readonly schema: string;
  readonly table: string;
  readonly operation: Operation;
  /** As far as they are known; an old key is looked up by them. */
  readonly keyColumns: readonly string[];
  /** The key as a JSON object; `{}` where it isn't known. */
  readonly key: JsonText;
  /** The key column's text; null for a key of several columns, and without one. */
  readonly primaryKey: string | null;
  /** JSON objects; `{}` where there is no such row, or where it wasn't recorded. */
  readonly before: JsonText;
  readonly after: JsonText;
  readonly context: JsonText;
  /** Times in microseconds since 1970-01-01 UTC. */
  readonly committedAtMicros: bigint;
  /** When it was received by whoever recorded it. Null: as `committedAtMicros`. */
  readonly queuedAtMicros: bigint | null;
  /** When it was stored there. Null: as `committedAtMicros`. */
  readonly createdAtMicros: bigint | null;
  /** 32 bits. */
  readonly transactionId: bigint | null;
  readonly position: bigint | null;
}
