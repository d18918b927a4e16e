import type { ConsumerStatus } from '@colophon/core';
import { describe, expect, it } from 'vitest';
import { formatSeconds, isCatchingUp, progressLine } from './progress-line.js';

const status = (part: Partial<ConsumerStatus>): ConsumerStatus =>
  ({ changes: 0, queuedChanges: 0, lastDelayMs: null, ...part }) as ConsumerStatus;

describe('progressLine', () => {
  const moved = (written: number, changesPerSecond: number) => ({ written, changesPerSecond });

  it('says how much, how fast, how far behind', () => {
    const late = status({ changes: 1_234_567, lastDelayMs: 300_000 });
    expect(progressLine(late, moved(1_234_567, 45_678.4))).toBe(
      '1,234,567 changes stored, 45,678/s, 5 min behind',
    );
  });

  it('counts what of a large transaction is on the way', () => {
    expect(progressLine(status({ changes: 5, lastDelayMs: 20 }), moved(300_005, 30_000))).toBe(
      '5 changes stored, 300,000 on the way, 30,000/s',
    );
  });

  it('says when nothing is left, however late the last was', () => {
    expect(progressLine(status({ changes: 5, lastDelayMs: 20_000 }), moved(5, 0))).toBe(
      '5 changes stored, up to date',
    );
  });

  it('is not up to date while changes wait, are on the way, or come late', () => {
    expect(isCatchingUp(status({ queuedChanges: 1 }), moved(0, 0))).toBe(true);
    expect(isCatchingUp(status({}), moved(1, 0))).toBe(true);
    expect(isCatchingUp(status({ changes: 9, lastDelayMs: 60_000 }), moved(9, 1))).toBe(true);
    expect(isCatchingUp(status({ changes: 9, lastDelayMs: 20 }), moved(9, 1))).toBe(false);
  });
});

it.each([
  [0.4, '0 s'],
  [89, '89 s'],
  [600, '10 min'],
  [7200, '2 h'],
  [864_000, '10 days'],
])('%d seconds are %j', (seconds, text) => {
  expect(formatSeconds(seconds)).toBe(text);
});
