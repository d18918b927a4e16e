import type { ConsumerStatus } from '@colophon/core';

// From commit to stored takes milliseconds where all is well.
const CURRENT_MS = 2_000;

/** What is counted beside a consumer's own status. */
export interface Movement {
  /** Changes given to the sink, stored or not. */
  readonly written: number;
  readonly changesPerSecond: number;
}

/** Whether a consumer has something left to store, or is just storing what was committed a while ago. */
export function isCatchingUp(status: ConsumerStatus, { written, changesPerSecond }: Movement): boolean {
  const isLate = changesPerSecond > 0 && delayMs(status) > CURRENT_MS;
  return status.queuedChanges > 0 || written > status.changes || isLate;
}

/** Where a consumer stands, in one line: how much is stored, how fast, how far behind. */
export function progressLine(status: ConsumerStatus, movement: Movement): string {
  const number = (value: number): string => Math.round(value).toLocaleString('en');
  const onTheWay = movement.written - status.changes;
  const delay = delayMs(status);
  const parts = [`${number(status.changes)} changes stored`];
  if (onTheWay > 0) parts.push(`${number(onTheWay)} on the way`);
  if (movement.changesPerSecond >= 1) parts.push(`${number(movement.changesPerSecond)}/s`);
  if (!isCatchingUp(status, movement)) parts.push('up to date');
  else if (delay > CURRENT_MS) parts.push(`${formatSeconds(delay / 1000)} behind`);
  return parts.join(', ');
}

function delayMs({ lastDelayMs }: ConsumerStatus): number {
  return lastDelayMs ?? 0;
}

/** A span of time for people: `45 s`, `12 min`, `3 h`, `2 days`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
