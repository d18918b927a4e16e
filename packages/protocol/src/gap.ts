import type { Lsn } from './lsn.js';

/**
 * How far a source's log is stored, or holds nothing to store, or is covered by a gap record. At or beyond the end of what
 * is stored.
 */
export interface AccountedPosition {
  readonly systemIdentifier: string;
  readonly timeline: number;
  readonly lsn: Lsn;
}

/** Every reason that a gap record can give. Added to, never renamed: docs/contracts.md explains each. */
export const GAP_REASONS = [
  'slot-ahead',
  'slot-recreated',
  'store-restored',
  'source-restored',
  'source-replaced',
  'publication-changed',
  'diverged',
] as const;

/**
 * Why a stretch of the log is not, or no longer, what the store says.
 *
 * - `slot-ahead`: the slot stood beyond what is accounted for. It was advanced, read by another consumer, or dropped and
 *   made anew by hand; or the store was restored from a backup.
 * - `slot-recreated`: `colophon init` made the slot anew.
 * - `store-restored`: the store lost what it had confirmed while the consumer was running.
 * - `source-restored`: the source was put back to an earlier state on the same timeline (a file system's or virtual
 *   machine's snapshot). What is stored of the stretch may never have happened for the source.
 * - `source-replaced`: another cluster took the source's place, and `colophon init` was run against it.
 * - `publication-changed`: the publication no longer gave these tables, or not all of what is done to them. Recorded when it
 *   begins, without an end, and once more with its end when they are back.
 * - `diverged`: what is stored of the stretch was never on the server that was promoted.
 */
export type GapReason = (typeof GAP_REASONS)[number];

/** A stretch of a source's log that isn't accounted for by what is stored. */
export interface Gap {
  readonly reason: GapReason;
  /** Commits that start here or later … */
  readonly fromLsn: Lsn | null;
  /** … and before this. */
  readonly toLsn: Lsn | null;
  readonly fromTimeline: number | null;
  readonly toTimeline: number | null;
  readonly fromSystemIdentifier: string | null;
  readonly toSystemIdentifier: string | null;
  /** Tables that it concerns, with their schemas; null for all. */
  readonly tables: readonly string[] | null;
  /** What was seen, in one line; never row data. */
  readonly detail: string;
  /** Who let work go on over it, where somebody was asked. */
  readonly approvedBy: string | null;
}

/** A commit, as its log has it. */
export interface StoredCommit {
  readonly commitLsn: Lsn;
  readonly committedAtMicros: bigint;
}

/** A transaction as its log has it, whatever timeline it was read on. */
export interface StoredTransaction extends StoredCommit {
  readonly xid: number;
}
