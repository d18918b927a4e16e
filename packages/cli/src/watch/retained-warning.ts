import type { ConsumerStatus } from '@colophon/core';
import { ColophonError } from '@colophon/protocol';
import { formatBytes, type SlotState } from '@colophon/setup';

// Below this share of the mark the next crossing is told again.
const REARM_SHARE = 0.8;

/** Tells when the source keeps more WAL for the slot than it should, or is about to give it up: once a crossing, not once a look. */
export class RetainedWarning {
  private readonly slot: string;
  private readonly warnBytes: number;
  private isOver = false;
  private isInDanger = false;

  /** `warnBytes` 0 never warns. */
  constructor(slot: string, warnBytes: number) {
    this.slot = slot;
    this.warnBytes = warnBytes;
  }

  /** A warning where a mark was just crossed, else null. */
  look(slot: SlotState, status: ConsumerStatus): ColophonError | null {
    const retained = slot.retainedBytes ?? 0;
    const mark = markOf(this.warnBytes, slot.maxRetainedBytes);
    if (mark === 0) return null;
    // `unreserved`: at the next checkpoint its WAL may go.
    const isInDanger = slot.walStatus === 'unreserved';
    const isNew = (retained >= mark && !this.isOver) || (isInDanger && !this.isInDanger);
    this.isInDanger = isInDanger;
    if (retained >= mark) this.isOver = true;
    else if (retained < mark * REARM_SHARE) this.isOver = false;
    return isNew ? warning(this.slot, slot, mark, status) : null;
  }
}

/** The size to warn at: what was set, or half of what the server keeps at most, where that is less. */
function markOf(warnBytes: number, maxRetainedBytes: number | null): number {
  return maxRetainedBytes === null ? warnBytes : Math.min(warnBytes, maxRetainedBytes / 2);
}

function warning(name: string, slot: SlotState, mark: number, status: ConsumerStatus): ColophonError {
  const retained = slot.retainedBytes ?? 0;
  const limit =
    slot.walStatus === 'unreserved'
      ? 'the server may remove it at its next checkpoint, and the slot is lost then'
      : slot.maxRetainedBytes === null
        ? 'it grows until the disk is full'
        : `beyond ${formatBytes(slot.maxRetainedBytes)} the slot is lost`;
  return new ColophonError(
    'WAL_RETAINED',
    `The source keeps ${formatBytes(retained)} of WAL for slot ${name}, wanted less than ${formatBytes(mark)}; ${limit}. ` +
      `${wayOut(slot, status)}; where the audit is over, colophon drop frees it at once.`,
    {
      retryable: true,
      details: { slot: name, retainedBytes: retained, markBytes: mark, lagBytes: slot.lagBytes },
    },
  );
}

/** What to do depends on who holds it up. */
function wayOut(slot: SlotState, { state, lastError }: ConsumerStatus): string {
  if (state === 'waiting') {
    return `Another consumer (backend process ${slot.activePid ?? 'unknown'}) reads the slot, and this one waits: see whether that one still stores`;
  }
  if (lastError !== null) return `Nothing is stored since ${lastError.code}: mend that first`;
  if ((slot.lagBytes ?? 0) >= (slot.retainedBytes ?? 0) / 2) {
    return 'The consumer is behind: it catches up where the store is fast enough (colophon status shows the speed), and a transaction that is still open holds up all that come after it';
  }
  return 'The consumer is up to date: a transaction that is open for long at the source keeps it (xact_start in pg_stat_activity, pg_prepared_xacts)';
}
