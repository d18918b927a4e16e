import type { AccountedPosition, Gap, Lsn, Sink, StoredCommit } from '@colophon/protocol';
import type { BeginMessage } from '../decode/message.js';
import { type LedgerFacts, reconcileLedger } from './reconcile-ledger.js';

/** What a session knows of its sink's past before it reads. */
export interface OpenedLedger {
  /** Transactions whose commit starts before it are stored; null where that can't be said. */
  readonly skipBelow: Lsn | null;
  /** Tells of one at or behind that whether it is; null where none can be. */
  readonly isStored: ((message: BeginMessage) => boolean) | null;
  /** The last stored transaction, where the source has to deliver it again: by it we know that it is the same source still. */
  readonly expected: StoredCommit | null;
  /** Where the ledger goes on. */
  readonly accounted: AccountedPosition;
}

/**
 * Compares an opened sink's ledger with the source, records what gaps there are, and tells of each that is new. Throws
 * `SOURCE_CHANGED`, and what the sink throws.
 */
export async function openLedger(
  sink: Sink,
  facts: Omit<LedgerFacts, 'accounted'>,
  onGap: (gap: Gap) => void,
): Promise<OpenedLedger> {
  const known = (await sink.accountedPosition?.()) ?? null;
  const { skipBelow, recall, gaps, accounted } = reconcileLedger({ ...facts, accounted: known });
  if (gaps.length > 0) {
    const added = sink.recordGaps === undefined ? gaps : await sink.recordGaps(gaps, accounted);
    for (const gap of added) onGap(gap);
  } else if (known === null || !isSame(known, accounted)) {
    await sink.account?.(accounted);
  }
  const stored =
    recall === null ? [] : ((await sink.recallTransactions?.(recall.fromLsn, recall.toLsn)) ?? []);
  const keys = new Set(stored.map(keyOf));
  const last = skipBelow === null ? null : ((await sink.lastCommit?.()) ?? null);
  const comesAgain = last !== null && last.commitLsn >= facts.confirmedLsn && last.commitLsn < skipBelow!;
  return {
    skipBelow,
    accounted,
    expected: comesAgain ? last : null,
    isStored: keys.size === 0 ? null : (message) => keys.has(keyOf(message)),
  };
}

/** A commit is the same on every timeline that has it. */
function keyOf({
  commitLsn,
  xid,
  committedAtMicros,
}: Pick<BeginMessage, 'commitLsn' | 'xid' | 'committedAtMicros'>): string {
  return `${commitLsn}/${xid}/${committedAtMicros}`;
}

function isSame(a: AccountedPosition, b: AccountedPosition): boolean {
  return a.systemIdentifier === b.systemIdentifier && a.timeline === b.timeline && a.lsn === b.lsn;
}
