import type { ConsumerStatus } from '@colophon/core';
import { describe, expect, it } from 'vitest';
import { formatSeconds, progressLine } from './progress-line.js';

const status = (part: Partial<ConsumerStatus>): ConsumerStatus =>
  ({
    changes: 0,
    unstoredBytes: 0n,
    queuedChanges: 0,
    lastCommittedAtMicros: null,
    ...part,
  }) as ConsumerStatus;

describe('progressLine', () => {
  it('says how much, how fast, how far behind', () => {
    expect(
      progressLine(
        status({
          changes: 1_234_567,
          unstoredBytes: 3n * 1024n * 1024n,
          lastCommittedAtMicros: BigInt(Date.now() - 300_000) * 1000n,
        }),
        45_678.4,
      ),
    ).toBe('1,234,567 changes stored, 45,678/s, 3.0 MiB and 5 min behind');
  });

  it('says when nothing is left', () => {
    expect(progressLine(status({ changes: 5 }), 0)).toBe('5 changes stored, up to date');
  });

  it('is not up to date while changes wait', () => {
    expect(progressLine(status({ queuedChanges: 1 }), 0)).not.toContain('up to date');
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
