import { expect, it } from 'vitest';
import { parseByteSize } from './byte-size.js';

it.each([
  ['0', 0],
  ['1024', 1024],
  ['64k', 65_536],
  ['1GB', 2 ** 30],
  ['1.5 GiB', 1.5 * 2 ** 30],
  ['500MB', 500 * 2 ** 20],
  ['2tb', 2 ** 41],
])('%j is %i bytes', (text, bytes) => {
  expect(parseByteSize(text, '--size')).toBe(bytes);
});

it.each(['', 'GB', '-1', '1e9', '1 GB per day', 'NaN', '1PB'])('%j is refused', (text) => {
  expect(() => parseByteSize(text, '--size')).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
});
