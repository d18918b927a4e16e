import type { JsonText } from '@colophon/protocol';
import type { ParsedJson } from './change-row.js';
import { timeColumn } from './time-column.js';

/** A row as it comes from the server, by `DDL_COLUMNS`. */
export interface SelectedDdl {
  readonly seq: string;
  readonly source: string;
  readonly environment: string;
  readonly database: string;
  readonly command: string;
  readonly object_type: string | null;
  readonly schema: string | null;
  readonly identity: string | null;
  readonly table_oid: string | null;
  readonly is_drop: boolean;
  readonly role: string | null;
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
  readonly ordinal: number;
}

/** The columns of `colophon.ddl`, as text where JavaScript has no type that holds them. */
export const DDL_COLUMNS: string = `d.seq::text AS seq, o.name AS source, o.environment, o.database, d.command, d.object_type,
 d."schema", d.identity, d.table_oid::text AS table_oid, d.is_drop, d.role, d.context::text AS context, d.verified,
 ${timeColumn('d.committed_at')}, ${timeColumn('d.queued_at')}, ${timeColumn('d.created_at')},
 d.transaction_id::text AS transaction_id, d.position::text AS position, d.commit_lsn::text AS commit_lsn, d.timeline,
 d.sequence, d.ordinal`;

/** What `colophon.ddl` reads from. */
export const DDL_TABLES = 'colophon.ddl_records d LEFT JOIN colophon.sources o ON o.id = d.source_id';

/**
 * One command that changed the schema: the columns of `colophon.ddl` by their names. 64-bit numbers are bigint, times are
 * ISO 8601 texts with microseconds. `context` is parsed when it is asked for; `contextJson` is the exact text.
 */
export class DdlRow {
  readonly seq: bigint;
  readonly source: string;
  readonly environment: string;
  readonly database: string;
  readonly command: string;
  readonly object_type: string | null;
  readonly schema: string | null;
  readonly identity: string | null;
  readonly table_oid: number | null;
  readonly is_drop: boolean;
  readonly role: string | null;
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
  readonly ordinal: number;

  constructor(row: SelectedDdl) {
    this.seq = BigInt(row.seq);
    this.source = row.source;
    this.environment = row.environment;
    this.database = row.database;
    this.command = row.command;
    this.object_type = row.object_type;
    this.schema = row.schema;
    this.identity = row.identity;
    this.table_oid = row.table_oid === null ? null : Number(row.table_oid);
    this.is_drop = row.is_drop;
    this.role = row.role;
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
    this.ordinal = row.ordinal;
  }

  get context(): ParsedJson {
    return JSON.parse(this.contextJson);
  }

  /** The command as one line of JSON with the columns in their order. */
  toJsonText(): JsonText {
    const { contextJson, seq, transaction_id, position, ...rest } = this;
    const { source, environment, database, command, object_type, schema, identity, ...others } = rest;
    const { table_oid, is_drop, role, verified, committed_at, queued_at, created_at, ...place } = others;
    const what = {
      source,
      environment,
      database,
      command,
      object_type,
      schema,
      identity,
      table_oid,
      is_drop,
      role,
    };
    const when = { verified, committed_at, queued_at, created_at };
    return (
      `{"seq":${seq},${inner(what)},"context":${contextJson},${inner(when)},"transaction_id":${transaction_id}` +
      `,"position":${position},${inner(place)}}`
    );
  }
}

function inner(members: object): string {
  return JSON.stringify(members).slice(1, -1);
}
