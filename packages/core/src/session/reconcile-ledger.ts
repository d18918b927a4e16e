import {
  type AccountedPosition,
  ColophonError,
  formatLsn,
  type Gap,
  type GapReason,
  type Lsn,
  type SourceDescription,
  type StoredPosition,
} from '@colophon/protocol';
import type { TimelineEnd } from '../replication/timeline-history.js';

/** What is known when the slot is ours and the sink is open. */
export interface LedgerFacts {
  readonly source: SourceDescription;
  /** How far the source's own log reaches. */
  readonly writtenLsn: Lsn;
  /** The timelines that the source's comes from. */
  readonly history: readonly TimelineEnd[];
  /** Where the slot stands: nothing that commits before it is delivered any more. */
  readonly confirmedLsn: Lsn;
  /** The sink's; null where it has stored nothing, or keeps no position. */
  readonly stored: StoredPosition | null;
  /** The sink's ledger; null where it has none, or knows nothing of this source. */
  readonly accounted: AccountedPosition | null;
  /** What this process has had stored before. */
  readonly remembered: StoredPosition | null;
  /** The last session saw that the source doesn't have what was stored of it. */
  readonly isSourceRestored: boolean;
}

/** What follows from it. */
export interface Reconciled {
  /** Transactions whose commit starts before it are stored; null where that can't be said. */
  readonly skipBelow: Lsn | null;
  /** A stretch whose transactions may be stored or not: only the sink can tell, one by one. */
  readonly recall: { readonly fromLsn: Lsn; readonly toLsn: Lsn } | null;
  /** What isn't, or isn't any more, as the store says. */
  readonly gaps: readonly Gap[];
  /** What the ledger goes on from. */
  readonly accounted: AccountedPosition;
}

/**
 * Compares what the sink has with what the source and its slot say (SPEC.md, section "The ledger"). Pure. Throws
 * `SOURCE_CHANGED` where the source is another system: only an operator can know whether that is meant.
 */
export function reconcileLedger(facts: LedgerFacts): Reconciled {
  const { source, confirmedLsn, accounted, writtenLsn } = facts;
  const stored = ownPosition(facts);
  const gaps: Gap[] = [];
  const add = (reason: GapReason, stretch: Stretch, detail: string) =>
    gaps.push(gapOf(source, reason, stretch, detail));
  let skipBelow = stored === null ? null : reach(facts, stored.timeline, stored.endLsn);
  let here = accounted === null ? null : reach(facts, accounted.timeline, accounted.lsn);
  const furthest = latest(
    accounted?.timeline === source.timeline ? accounted.lsn : null,
    sameEnd(stored, source),
  );
  if (furthest !== null && (facts.isSourceRestored || furthest > writtenLsn)) {
    add(
      'source-restored',
      { fromLsn: earlier(confirmedLsn, writtenLsn), toLsn: furthest },
      `The source stands at ${formatLsn(writtenLsn)}, and doesn't have all that was read from it up to ${formatLsn(furthest)}: it was put back to an earlier state.`,
    );
    if (accounted !== null) here = earlier(confirmedLsn, accounted.lsn);
    skipBelow = null;
  } else if (stored !== null && here !== null && sameEnd(stored, source) !== null && here < stored.endLsn) {
    // It was put back earlier, and nothing was stored since.
    skipBelow = null;
  }
  if (stored !== null && stored.timeline !== source.timeline) {
    const parting = skipBelow;
    if (parting === null || parting < stored.endLsn) {
      add(
        'diverged',
        {
          fromLsn: parting,
          fromTimeline: stored.timeline,
          toLsn: stored.endLsn,
          toTimeline: stored.timeline,
        },
        `The source is on timeline ${source.timeline}, which ${parting === null ? `doesn't come from timeline ${stored.timeline}` : `left timeline ${stored.timeline} at ${formatLsn(parting)}`}: what was stored of it after that was never on this server.`,
      );
    }
  }
  if (accounted !== null && (here === null || confirmedLsn > here)) {
    const isStoreBack = isBehind(stored, facts.remembered);
    add(
      isStoreBack ? 'store-restored' : 'slot-ahead',
      {
        fromLsn: here,
        fromTimeline: here === null ? accounted.timeline : source.timeline,
        toLsn: confirmedLsn,
      },
      `Slot ${source.slot} stands at ${formatLsn(confirmedLsn)}, but ${here === null ? `everything before ${formatLsn(accounted.lsn)} of timeline ${accounted.timeline}` : `only everything before ${formatLsn(here)}`} is accounted for: ${isStoreBack ? 'the store lost what it had confirmed' : 'it was advanced, read by another consumer or made anew, or the store was restored from a backup'}.`,
    );
  }
  const { systemIdentifier, timeline } = source;
  return {
    skipBelow,
    recall:
      stored !== null && skipBelow === null && confirmedLsn < stored.endLsn
        ? { fromLsn: confirmedLsn, toLsn: stored.endLsn }
        : null,
    gaps,
    accounted: { systemIdentifier, timeline, lsn: latest(here, confirmedLsn)! },
  };
}

interface Stretch {
  readonly fromLsn: Lsn | null;
  readonly fromTimeline?: number;
  readonly toLsn: Lsn;
  readonly toTimeline?: number;
}

function gapOf(
  { systemIdentifier, timeline }: SourceDescription,
  reason: GapReason,
  { fromLsn, fromTimeline = timeline, toLsn, toTimeline = timeline }: Stretch,
  detail: string,
): Gap {
  return {
    reason,
    fromLsn,
    toLsn,
    fromTimeline,
    toTimeline,
    fromSystemIdentifier: systemIdentifier,
    toSystemIdentifier: systemIdentifier,
    tables: null,
    detail,
    approvedBy: null,
  };
}

/** The last stored position of this system: the sink's, or for a sink that keeps none this process' own. */
function ownPosition({ source, stored, accounted, remembered }: LedgerFacts): StoredPosition | null {
  const known = accounted ?? stored;
  if (known !== null && known.systemIdentifier !== source.systemIdentifier) {
    throw new ColophonError(
      'SOURCE_CHANGED',
      `The store's records of ${source.name} are of system ${known.systemIdentifier}, the source is system ${source.systemIdentifier}. If it took the other's place, run "colophon init" against it; otherwise give it a --name of its own, or another store.`,
      { details: { stored: known.systemIdentifier, source: source.systemIdentifier } },
    );
  }
  const position = stored ?? remembered;
  return position?.systemIdentifier === source.systemIdentifier ? position : null;
}

/** How far a position of another timeline is the source's too; null where it isn't known where the two parted. */
function reach({ source, history }: LedgerFacts, timeline: number, lsn: Lsn): Lsn | null {
  if (timeline === source.timeline) return lsn;
  const end = history.find((known) => known.timeline === timeline)?.endLsn;
  return end === undefined ? null : earlier(lsn, end);
}

function sameEnd(stored: StoredPosition | null, source: SourceDescription): Lsn | null {
  return stored?.timeline === source.timeline ? stored.endLsn : null;
}

function isBehind(stored: StoredPosition | null, remembered: StoredPosition | null): boolean {
  if (remembered === null) return false;
  return stored === null || (stored.timeline === remembered.timeline && stored.endLsn < remembered.endLsn);
}

function earlier(a: Lsn, b: Lsn): Lsn {
  return a < b ? a : b;
}

function latest(a: Lsn | null, b: Lsn | null): Lsn | null {
  if (a === null || b === null) return a ?? b;
  return a > b ? a : b;
}
