import { formatLsn } from '@colophon/protocol';
import type { GapRow } from '@colophon/store';

/** Whether somebody took tables out of the publication on purpose: recorded as every gap, and nothing to worry about. */
export function isUntracking({ reason, approvedBy }: Pick<GapRow, 'reason' | 'approvedBy'>): boolean {
  return reason === 'publication-changed' && approvedBy !== null;
}

/** A gap in words. */
export function gapText(gap: GapRow): string {
  const label = gap.environment === '' ? '' : ` (${gap.environment})`;
  const tables = gap.tables === null ? '' : ` Tables: ${gap.tables.join(', ')}.`;
  return `${gap.source}${label}: ${gap.reason}, ${stretch(gap)}, found ${gap.detectedAt.slice(0, 19)}Z. ${gap.detail}${tables}`;
}

/** The same as the object that `--json` gives. */
export function gapJson(gap: GapRow): object {
  return {
    id: Number(gap.id),
    source: gap.source,
    environment: gap.environment,
    database: gap.database,
    reason: gap.reason,
    from_lsn: gap.fromLsn === null ? null : formatLsn(gap.fromLsn),
    to_lsn: gap.toLsn === null ? null : formatLsn(gap.toLsn),
    from_timeline: gap.fromTimeline,
    to_timeline: gap.toTimeline,
    from_system_identifier: gap.fromSystemIdentifier,
    to_system_identifier: gap.toSystemIdentifier,
    last_committed_at: gap.lastCommittedAt,
    tables: gap.tables,
    detail: gap.detail,
    approved_by: gap.approvedBy,
    detected_at: gap.detectedAt,
  };
}

function stretch({ fromLsn, toLsn }: GapRow): string {
  const from = fromLsn === null ? 'from an unknown point' : `from ${formatLsn(fromLsn)}`;
  return toLsn === null ? from : `${from} to ${formatLsn(toLsn)}`;
}
