import { expect, it } from 'vitest';
import { columnNumbers } from './column-numbers.js';

const today = (...names: readonly string[]) =>
  names.map((name, place) => ({
    name: name.replace('*', ''),
    number: place * 2 + 1,
    isGenerated: name.endsWith('*'),
  }));

it('gives each column its number, where today’s table has these columns in this order', () => {
  expect(columnNumbers(['id', 'pin'], today('id', 'pin'))).toEqual(
    new Map([
      ['id', 1],
      ['pin', 3],
    ]),
  );
  expect(columnNumbers(['id', 'pin'], today('id', 'pin', 'added'))).toEqual(
    new Map([
      ['id', 1],
      ['pin', 3],
    ]),
  );
  expect(columnNumbers(['id', 'pin'], today('id', 'made*', 'pin'))).toEqual(
    new Map([
      ['id', 1],
      ['pin', 5],
    ]),
  );
  expect(columnNumbers(['id', 'made', 'pin'], today('id', 'made*', 'pin'))?.get('made')).toBe(3);
});

it('gives none where it has not', () => {
  expect(columnNumbers(['id', 'pin'], undefined)).toBeNull();
  expect(columnNumbers(['id', 'pin'], today('id', 'code'))).toBeNull();
  expect(columnNumbers(['id', 'gone', 'pin'], today('id', 'pin'))).toBeNull();
  expect(columnNumbers(['id', 'pin'], today('id', 'gone', 'pin'))).toBeNull();
  expect(columnNumbers(['id', 'pin'], today('id'))).toBeNull();
});
