import { expect, it } from 'vitest';
import { timestampText } from './timestamp-text.js';

it('writes microseconds, also before 1970', () => {
  expect(timestampText(1_795_396_800_123_456n)).toBe('2026-11-23T01:20:00.123456+00:00');
  expect(timestampText(0n)).toBe('1970-01-01T00:00:00.000000+00:00');
  expect(timestampText(-1n)).toBe('1969-12-31T23:59:59.999999+00:00');
});
