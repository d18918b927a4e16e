import type { Operation } from './change.js';
import type { JsonText } from './json-text.js';

/** An audit record under the names of the columns of `colophon.changes`; the JSON columns as their exact texts. */
export interface ChangeColumns {
  readonly id: string;
  /** Null outside a store. */
  readonly seq: bigint | null;
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
  /** Null outside a store. */
  readonly created_at: string | null;
  readonly transaction_id: bigint | number;
  readonly position: bigint;
  readonly commit_lsn: string;
  readonly timeline: number;
  readonly sequence: number;
}

/** The record as one line of JSON with the columns in their order, every digit as it was. The same for every output. */
export function changeJsonText(change: ChangeColumns): JsonText {
  return (
    `{"id":${text(change.id)},"seq":${change.seq},"source":${text(change.source)},"environment":${text(change.environment)}` +
    `,"database":${text(change.database)},"schema":${text(change.schema)},"table":${text(change.table)}` +
    `,"partition":${text(change.partition)},"primary_key":${text(change.primary_key)},"key":${change.keyJson}` +
    `,"operation":${text(change.operation)},"before":${change.beforeJson},"after":${change.afterJson}` +
    `,"unchanged":${JSON.stringify(change.unchanged)},"context":${change.contextJson},"verified":${change.verified}` +
    `,"committed_at":${text(change.committed_at)},"queued_at":${text(change.queued_at)},"created_at":${text(change.created_at)}` +
    `,"transaction_id":${change.transaction_id},"position":${change.position},"commit_lsn":${text(change.commit_lsn)}` +
    `,"timeline":${change.timeline},"sequence":${change.sequence}}`
  );
}

function text(value: string | null): JsonText {
  return JSON.stringify(value);
}
