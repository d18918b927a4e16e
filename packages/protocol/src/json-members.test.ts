import fc from 'fast-check';
import { expect, it } from 'vitest';
import { jsonMembers } from './json-members.js';

it('gives the members as JSON.parse has them, whatever stands in names and values', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 6 }),
      fc.constantFrom(undefined, 1, '\t'),
      (object, indent) => {
        const members = jsonMembers(JSON.stringify(object, null, indent));
        expect(members.map(([name, value]) => [name, JSON.parse(value)])).toEqual(
          Object.entries(JSON.parse(JSON.stringify(object)) as object),
        );
      },
    ),
    { numRuns: 500 },
  );
});

it('keeps every digit', () => {
  expect(jsonMembers('{"id": 9007199254740993, "amount": 12345678901234567890.10, "e": 1.50e+2}')).toEqual([
    ['id', '9007199254740993'],
    ['amount', '12345678901234567890.10'],
    ['e', '1.50e+2'],
  ]);
});

it('gives a name twice where it comes twice, so that the last can count', () => {
  expect(new Map(jsonMembers('{"n":12345678901234567890.10,"n":-0.00}')).get('n')).toBe('-0.00');
});
