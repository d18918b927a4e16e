import { expect, it } from 'vitest';
import { parseKeep, parseMaxSize } from './retention-limits.js';

it('reads days and sizes', () => {
  expect([parseKeep('400d'), parseKeep(undefined)]).toEqual([400, null]);
  expect([parseMaxSize('50GB'), parseMaxSize('1 mb'), parseMaxSize('2TB'), parseMaxSize(undefined)]).toEqual([
    50n * 1024n ** 3n,
    1024n ** 2n,
    2n * 1024n ** 4n,
    null,
  ]);
});

it.each(['', '0d', '400', '-1d', '1.5d', '3m', '1000000d', 'd'])('refuses to keep %j', (text) => {
  expect(() => parseKeep(text)).toThrowError(expect.objectContaining({ code: 'INVALID_OPTION' }));
});

it.each(['', '0GB', '50', '-1GB', '1.5GB', '3kB', 'GB', '9999999GB'])('refuses the size %j', (text) => {
  expect(() => parseMaxSize(text)).toThrowError(expect.objectContaining({ code: 'INVALID_OPTION' }));
});
