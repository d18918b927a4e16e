import { timestampText } from '../write/copy-text.js';
import { oldKey } from '../write/old-key.js';
import { storedPrimaryKey } from '../write/stored-primary-key.js';
import type { ImportedChange } from './imported-change.js';

/** A chunk as `colophon.import_changes` takes it. */
export interface ChunkJson {
  readonly segments: string;
  readonly changes: string;
}

/** Times before this are somebody's zero or mistake, and lie in the default partition. */
const FIRST_MONTH = '1990-01-01';

/** Changes that follow each other and share what a segment keeps are one segment. */
export function chunkJson(changes: readonly ImportedChange[]): ChunkJson {
  const segments: object[] = [];
  const rows: object[] = [];
  let last = '';
  for (const change of changes) {
    const facts = segmentFacts(change);
    const text = JSON.stringify(facts);
    if (text !== last) segments.push({ n: segments.length, ...facts });
    last = text;
    rows.push({ n: rows.length, segment: segments.length - 1, ...changeFacts(change) });
  }
  return { segments: JSON.stringify(segments), changes: JSON.stringify(rows) };
}

/** The first day of each month in it that gets partitions: `2024-03-01`. */
export function monthsOf(changes: readonly ImportedChange[], now: Date): string[] {
  const days = changes.map((change) => `${timestampText(change.committedAtMicros).slice(0, 7)}-01`);
  return [...new Set(days)].filter((day) => day >= FIRST_MONTH && day <= now.toISOString()).sort();
}

function segmentFacts(change: ImportedChange) {
  const { committedAtMicros, queuedAtMicros, createdAtMicros } = change;
  return {
    source: change.source,
    environment: change.environment,
    database: change.database,
    committed_at: timestampText(committedAtMicros),
    queued_at: timestampText(queuedAtMicros ?? committedAtMicros),
    created_at: timestampText(createdAtMicros ?? committedAtMicros),
    transaction_id: (change.transactionId ?? 0n).toString(),
    context: change.context,
  };
}

function changeFacts(change: ImportedChange) {
  const { operation, before, key, keyColumns, primaryKey } = change;
  return {
    id: change.id,
    position: (change.position ?? 0n).toString(),
    operation,
    schema: change.schema,
    table: change.table,
    primary_key: primaryKey === null ? null : storedPrimaryKey(primaryKey),
    key,
    old_key: oldKey({ operation, before, key, relation: { keyColumns } }),
    before,
    after: change.after,
  };
}
