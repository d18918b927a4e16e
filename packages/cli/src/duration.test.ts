import { expect, it } from 'vitest';
import { parseDuration } from './duration.js';

it.each([
  ['30', 30_000],
  ['0.5', 500],
  ['500ms', 500],
  ['2 m', 120_000],
  [' 1h ', 3_600_000],
  ['1d', 86_400_000],
])('%j is %i ms', (text, ms) => {
  expect(parseDuration(text, '--timeout')).toBe(ms);
});

it.each(['', '0', '-1', '1e3', 'soon', '5 years', '0.0001', '30d', '1h30m', 'Infinity'])(
  '%j is refused',
  (text) => {
    expect(() => parseDuration(text, '--timeout')).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining('--timeout') }),
    );
  },
);
