import type { ConsumerStatus } from '@colophon/core';
import { formatBytes } from '@colophon/setup';

/** Where a consumer stands, in one line: how much is stored, how fast, how far behind. */
export function progressLine(status: ConsumerStatus, changesPerSecond: number): string {
  const rate = changesPerSecond >= 1 ? `, ${Math.round(changesPerSecond).toLocaleString('en')}/s` : '';
  return `${status.changes.toLocaleString('en')} changes stored${rate}, ${behind(status)}`;
}

function behind(status: ConsumerStatus): string {
  const bytes = Number(status.unstoredBytes);
  if (bytes === 0 && status.queuedChanges === 0) return 'up to date';
  const committed = status.lastCommittedAtMicros;
  const seconds = committed === null ? 0 : (Date.now() - Number(committed / 1000n)) / 1000;
  return `${formatBytes(bytes)}${seconds >= 2 ? ` and ${formatSeconds(seconds)}` : ''} behind`;
}

/** A span of time for people: `45 s`, `12 min`, `3 h`, `2 days`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
