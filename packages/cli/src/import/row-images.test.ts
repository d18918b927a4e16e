import type { JsonText } from '@colophon/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { objectOf, rowImages } from './row-images.js';
import { rowKey } from './row-key.js';

const value = fc.oneof(
  fc.integer(),
  fc.string(),
  fc.constant(null),
  fc.array(fc.oneof(fc.string(), fc.integer()), { maxLength: 3 }),
  fc.record({ a: fc.string() }),
);
const row = fc.dictionary(fc.string(), value, { maxKeys: 5, noNullPrototype: true });
const json = (object: object): JsonText => JSON.stringify(object);
/** What changed of a row: columns that are in both, as a trail of whole rows has it. */
const update = fc
  .tuple(
    row,
    fc.array(value, { minLength: 5, maxLength: 5 }),
    fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
  )
  .map(([before, values, isChanged]) => {
    const after = Object.fromEntries(
      Object.entries(before).map(([name, old], n) => [name, isChanged[n] ? values[n] : old]),
    );
    return { before, after };
  });

describe('the row before and after', () => {
  it('is the same however a trail keeps it: whole, as what changed, or as pairs', () => {
    fc.assert(
      fc.property(update, ({ before, after }) => {
        const changed = Object.fromEntries(
          Object.entries(after).filter(([name, now]) => json([now]) !== json([before[name]])),
        );
        const pairs = Object.fromEntries(
          Object.entries(changed).map(([name, now]) => [name, [before[name], now]]),
        );
        const wanted = { before, after };
        const parsed = (images: { before: JsonText; after: JsonText }) => ({
          before: JSON.parse(images.before),
          after: JSON.parse(images.after),
        });
        expect(parsed(rowImages('pair', 'UPDATE', json(before), json(after)))).toEqual(wanted);
        expect(parsed(rowImages('row', 'UPDATE', json(before), json(changed)))).toEqual(wanted);
        expect(parsed(rowImages('object', 'UPDATE', json(before), json(pairs)))).toEqual(wanted);
      }),
    );
  });

  it('is where the kind of change puts it, in whatever column the trail keeps it', () => {
    expect(rowImages('pair', 'DELETE', null, '{"a":1}')).toEqual({ before: '{"a":1}', after: '{}' });
    expect(rowImages('pair', 'CREATE', '{"a":1}', null)).toEqual({ before: '{}', after: '{"a":1}' });
    expect(rowImages('row', 'DELETE', '{"a":1}', null)).toEqual({ before: '{"a":1}', after: '{}' });
    expect(rowImages('object', 'CREATE', null, '{"a":[null,1.10]}')).toEqual({
      before: '{}',
      after: '{"a":1.10}',
    });
    for (const kind of ['pair', 'row', 'object'] as const) {
      expect(rowImages(kind, 'TRUNCATE', '{"a":1}', '{"a":1}')).toEqual({ before: '{}', after: '{}' });
      expect(rowImages(kind, 'UPDATE', null, null)).toEqual({ before: '{}', after: '{}' });
    }
  });

  it('says nothing of a row after that nobody recorded', () => {
    expect(rowImages('object', 'UPDATE', '{"a":1}', null)).toEqual({ before: '{"a":1}', after: '{}' });
    expect(rowImages('pair', 'UPDATE', '{"a":1}', null)).toEqual({ before: '{"a":1}', after: '{}' });
  });
});

describe('the key', () => {
  const images = (before: object, after: object) => ({ before: json(before), after: json(after) });

  it('is the row’s after the change, before a deletion, with every digit', () => {
    expect(rowKey(['id'], images({ id: 1 }, { id: 2 }), null)).toEqual({ key: '{"id":2}', primaryKey: '2' });
    expect(rowKey(['id'], images({ id: 1 }, {}), null)).toEqual({ key: '{"id":1}', primaryKey: '1' });
    expect(rowKey(['id'], { before: '{}', after: '{"id":12345678901234567890}' }, null)).toEqual({
      key: '{"id":12345678901234567890}',
      primaryKey: '12345678901234567890',
    });
    expect(rowKey(['id'], images({}, { id: 'a"b' }), null)).toEqual({
      key: '{"id":"a\\"b"}',
      primaryKey: 'a"b',
    });
    expect(rowKey(['id'], images({}, { id: true }), null)).toEqual({ key: '{"id":true}', primaryKey: 't' });
  });

  it('is in the order of its columns, and has no text of its own where it has several', () => {
    expect(rowKey(['b', 'a'], images({}, { a: 1, b: 'x' }), null)).toEqual({
      key: '{"b":"x","a":1}',
      primaryKey: null,
    });
  });

  it('is what the trail says of it where the rows don’t hold it, and nothing where nobody does', () => {
    expect(rowKey(['id'], images({}, { title: 'a' }), '7')).toEqual({ key: '{"id":7}', primaryKey: '7' });
    expect(rowKey(['id'], images({}, {}), '007')).toEqual({ key: '{"id":"007"}', primaryKey: '007' });
    expect(rowKey(['id'], images({}, { id: null }), null)).toEqual({ key: '{}', primaryKey: null });
    expect(rowKey(['a', 'b'], images({}, {}), '7')).toEqual({ key: '{}', primaryKey: null });
  });
});

it('writes objects that are read as they were', () => {
  fc.assert(
    fc.property(row, (object) => {
      expect(
        JSON.parse(objectOf(Object.entries(object).map(([name, one]) => [name, json([one]).slice(1, -1)]))),
      ).toEqual(object);
    }),
  );
});
