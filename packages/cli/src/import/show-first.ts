import { changeJsonText, formatLsn, INVALID_LSN } from '@colophon/protocol';
import type { ImportedChange } from '@colophon/store';

/** A change as one line of JSON, as it would be read from the store; `seq` and `created_at` are the store's business. */
export function importedJsonText(change: ImportedChange): string {
  return changeJsonText({
    id: change.id,
    seq: null,
    source: change.source,
    environment: change.environment,
    database: change.database,
    schema: change.schema,
    table: change.table,
    partition: null,
    primary_key: change.primaryKey,
    keyJson: change.key,
    operation: change.operation,
    beforeJson: change.before,
    afterJson: change.after,
    unchanged: [],
    contextJson: change.context,
    verified: null,
    committed_at: isoTime(change.committedAtMicros),
    queued_at: isoTime(change.queuedAtMicros ?? change.committedAtMicros),
    created_at: null,
    transaction_id: change.transactionId ?? 0n,
    position: change.position ?? 0n,
    commit_lsn: formatLsn(INVALID_LSN),
    timeline: 0,
    sequence: 0,
  });
}

/** With microseconds, as everywhere in Colophon. */
function isoTime(micros: bigint): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = (micros - fraction) / 1_000_000n;
  const text = new Date(Number(seconds) * 1000).toISOString();
  return `${text.slice(0, -'000Z'.length)}${fraction.toString().padStart(6, '0')}Z`;
}
