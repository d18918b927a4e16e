import { type Change, changeId, formatLsn, type Relation, type TransactionFacts } from '@colophon/protocol';
import { copyText, copyTextArray, NULL, nullableCopyText, timestampText } from './copy-text.js';
import { oldKey } from './old-key.js';
import { storedPrimaryKey } from './stored-primary-key.js';

/** COPY of the rows that `changeRow` makes. */
export const COPY_CHANGES = `COPY colophon.change_records (committed_at, segment_id, position, sequence, id, operation,
 "schema", "table", partition, primary_key, key, old_key, before, after, unchanged) FROM STDIN`;

/** COPY of the rows that `segmentRow` makes. */
export const COPY_SEGMENTS = `COPY colophon.segments (id, committed_at, source_id, timeline, commit_lsn, transaction_id,
 queued_at, verified, context) FROM STDIN`;

/** What the rows of one transaction share, worked out once. */
export interface TransactionRows {
  readonly facts: TransactionFacts;
  readonly committedAt: string;
  /** Id of the segment with index 0; the others follow. */
  readonly firstSegment: bigint;
}

/** Begins a transaction's rows. */
export function transactionRows(facts: TransactionFacts, firstSegment: bigint): TransactionRows {
  return { facts, committedAt: timestampText(facts.committedAtMicros), firstSegment };
}

let named: { relation: Relation | undefined; text: string } = { relation: undefined, text: '' };

function relationText(relation: Relation): string {
  // Changes of a table come in runs.
  if (named.relation !== relation) {
    const { schema, table, partition } = relation;
    named = { relation, text: `${copyText(schema)}\t${copyText(table)}\t${nullableCopyText(partition)}` };
  }
  return named.text;
}

/** One change's row; `segment` is its segment's id as text. */
export function changeRow(transaction: TransactionRows, segment: string, change: Change): string {
  const { systemIdentifier, timeline, commitLsn } = transaction.facts;
  const { sequence, operation, primaryKey, unchanged } = change;
  const id = changeId({ systemIdentifier, timeline, commitLsn, sequence });
  const old = oldKey(change);
  return (
    `${transaction.committedAt}\t${segment}\t${change.position}\t${sequence}\t${id}\t${operation}\t` +
    `${relationText(change.relation)}\t` +
    `${primaryKey === null ? NULL : copyText(storedPrimaryKey(primaryKey))}\t${copyText(change.key)}\t` +
    `${old === null ? NULL : copyText(old)}\t${copyText(change.before)}\t${copyText(change.after)}\t` +
    `${unchanged.length === 0 ? NULL : copyTextArray(unchanged)}\n`
  );
}

/** One segment's row. */
export function segmentRow(
  sourceId: number,
  transaction: TransactionRows,
  segment: number,
  context: string,
  verified: boolean | null,
): string {
  const { facts, committedAt, firstSegment } = transaction;
  const queuedAt = timestampText(BigInt(Math.trunc(facts.receivedAtMs)) * 1000n);
  return (
    `${firstSegment + BigInt(segment)}\t${committedAt}\t${sourceId}\t${facts.timeline}\t${formatLsn(facts.commitLsn)}\t` +
    `${facts.xid}\t${queuedAt}\t${verified === null ? NULL : verified}\t${copyText(context)}\n`
  );
}
