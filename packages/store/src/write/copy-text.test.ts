import { expect, it } from 'vitest';
import { copyText, copyTextArray, timestampText } from './copy-text.js';

it('escapes what means something to COPY, and nothing else', () => {
  expect(copyText('a\\N\t\n\r\\.')).toBe('a\\\\N\\t\\n\\r\\\\.');
  expect(copyText('plain "text" {é😀}\b')).toBe('plain "text" {é😀}\b');
  expect(copyTextArray(['a', 'b "c"', '\\'])).toBe('{"a","b \\\\"c\\\\"","\\\\\\\\"}');
});

it('writes microseconds in every year that a clock may show', () => {
  expect(timestampText(1_795_392_000_123_456n)).toBe('2026-11-23T00:00:00.123456+00');
  expect(timestampText(0n)).toBe('1970-01-01T00:00:00.000000+00');
  expect(timestampText(-1n)).toBe('1969-12-31T23:59:59.999999+00');
  expect(timestampText(253_402_300_800_000_001n)).toBe('10000-01-01T00:00:00.000001+00');
});
