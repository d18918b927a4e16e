import { changeJsonText, type JsonText, type Operation } from '@colophon/protocol';
import { timeColumn } from './time-column.js';

/** Parsed JSON. Numbers beyond 2^53 lose digits here; the `…Json` texts keep them. */
export type ParsedJson = Readonly<Record<string, unknown>>;

/** A row as it comes from the server, by `CHANGE_COLUMNS`. */
export interface SelectedChange {
  readonly id: string;
  readonly seq: string;
  readonly source: string;
  readonly environment: string;
  readonly database: string;
  readonly schema: string;
  readonly table: string;
  readonly partition: string | null;
  readonly primary_key: string | null;
  readonly key: JsonText;
  readonly operation: Operation;
  readonly before: JsonText;
  readonly after: JsonText;
  readonly unchanged: string[];
  readonly context: JsonText;
  readonly verified: boolean | null;
  readonly committed_at: string;
  readonly queued_at: string;
  readonly created_at: string;
  readonly transaction_id: string;
  readonly position: string;
  readonly commit_lsn: string;
  readonly timeline: number;
  readonly sequence: number;
}

/** The columns of `colophon.changes`, as text where JavaScript has no type that holds them. */
export const CHANGE_COLUMNS: string = `r.id::text AS id, r.seq::text AS seq, o.name AS source, o.environment, o.database,
 r."schema", r."table", r.partition, r.primary_key, r.key::text AS key, r.operation, r.before::jsonb::text AS before,
 r.after::jsonb::text AS after, coalesce(r.unchanged, '{}') AS unchanged, s.context::text AS context, s.verified,
 ${timeColumn('r.committed_at')}, ${timeColumn('s.queued_at')}, ${timeColumn('s.created_at')},
 s.transaction_id::text AS transaction_id, r.position::text AS position, s.commit_lsn::text AS commit_lsn, s.timeline,
 r.sequence`;

/** What `colophon.changes` reads from. Not the view itself, which doesn't show the keys that rows had before. */
export const CHANGE_TABLES = `colophon.change_records r
 LEFT JOIN colophon.segments s ON s.id = r.segment_id AND s.committed_at = r.committed_at
 LEFT JOIN colophon.sources o ON o.id = s.source_id`;

/**
 * One stored change: the columns of `colophon.changes` by their names. 64-bit numbers are bigint, times are ISO 8601
 * texts with microseconds. `key`, `before`, `after` and `context` are parsed when they are asked for; their `…Json` are the
 * exact texts, with every digit of `bigint` and `numeric`.
 */
export class ChangeRow {
  readonly id: string;
  readonly seq: bigint;
  readonly source: string;
  readonly environment: string;
  readonly database: string;
  readonly schema: string;
  readonly table: string;
  readonly partition: string | null;
  readonly primary_key: string | null;
  readonly keyJson: JsonText;
  readonly operation: Operation;
  readonly beforeJson: JsonText;
  readonly afterJson: JsonText;
  readonly unchanged: readonly string[];
  readonly contextJson: JsonText;
  readonly verified: boolean | null;
  readonly committed_at: string;
  readonly queued_at: string;
  readonly created_at: string;
  readonly transaction_id: bigint;
  readonly position: bigint;
  readonly commit_lsn: string;
  readonly timeline: number;
  readonly sequence: number;

  constructor(row: SelectedChange) {
    this.id = row.id;
    this.seq = BigInt(row.seq);
    this.source = row.source;
    this.environment = row.environment;
    this.database = row.database;
    this.schema = row.schema;
    this.table = row.table;
    this.partition = row.partition;
    this.primary_key = row.primary_key;
    this.keyJson = row.key;
    this.operation = row.operation;
    this.beforeJson = row.before;
    this.afterJson = row.after;
    this.unchanged = row.unchanged;
    this.contextJson = row.context;
    this.verified = row.verified;
    this.committed_at = row.committed_at;
    this.queued_at = row.queued_at;
    this.created_at = row.created_at;
    this.transaction_id = BigInt(row.transaction_id);
    this.position = BigInt(row.position);
    this.commit_lsn = row.commit_lsn;
    this.timeline = row.timeline;
    this.sequence = row.sequence;
  }

  get key(): ParsedJson {
    return JSON.parse(this.keyJson);
  }
  get before(): ParsedJson {
    return JSON.parse(this.beforeJson);
  }
  get after(): ParsedJson {
    return JSON.parse(this.afterJson);
  }
  get context(): ParsedJson {
    return JSON.parse(this.contextJson);
  }

  /** The change as one line of JSON with the columns in their order, every digit as it was. */
  toJsonText(): JsonText {
    return changeJsonText(this);
  }
}
