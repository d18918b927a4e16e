import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ColophonError } from './error.js';
import { formatLsn, lsn, parseLsn } from './lsn.js';

it('reads what it writes, over all 64 bits', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (value) => {
      expect(parseLsn(formatLsn(lsn(value)))).toBe(value);
    }),
  );
  expect(formatLsn(lsn(0x16b374d848n))).toBe('16/B374D848');
});

it('refuses everything else by code', () => {
  for (const text of ['', '1', '1/', '/1', '1/2/3', 'G/1', '123456789/1']) {
    expect(() => parseLsn(text)).toThrow(ColophonError);
  }
  expect(() => lsn(-1n)).toThrow(expect.objectContaining({ code: 'INVALID_LSN' }));
});
