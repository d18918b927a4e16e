import { type Lsn, parseLsn } from '@colophon/protocol';

/** Where a timeline that a server comes from ended, and the next began. */
export interface TimelineEnd {
  readonly timeline: number;
  /** Everything before it is on both; everything from here on is on the later one only. */
  readonly endLsn: Lsn;
}

const LINE = /^\s*(\d+)\s+([0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8})/;

/**
 * Reads a timeline history file, as `TIMELINE_HISTORY` gives it: a line for each timeline that this one comes from.
 * @see https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-TIMELINES
 */
export function parseTimelineHistory(text: string): TimelineEnd[] {
  const ends: TimelineEnd[] = [];
  for (const line of text.split('\n')) {
    const match = LINE.exec(line);
    if (match !== null) ends.push({ timeline: Number(match[1]), endLsn: parseLsn(match[2]!) });
  }
  return ends;
}
