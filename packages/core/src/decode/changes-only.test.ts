import fc from 'fast-check';
import { expect, it } from 'vitest';
import { changesOnly } from './changes-only.js';
import type { UpdateMessage } from './message.js';
import { parseMessage } from './parse-message.js';

/** A value as the stream has it: a text, null, or one that it doesn't carry. */
type Value = string | null | 'kept';
const KEPT = 'kept';

function tuple(values: readonly Value[]): Buffer {
  const count = Buffer.alloc(2);
  count.writeUInt16BE(values.length);
  const columns = values.map((value) => {
    if (value === null) return Buffer.from('n');
    if (value === KEPT) return Buffer.from('u');
    const text = Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(text.length);
    return Buffer.concat([Buffer.from('t'), length, text]);
  });
  return Buffer.concat([count, ...columns]);
}

function update(before: readonly Value[] | null, after: readonly Value[], kind = 'O'): UpdateMessage {
  const old = before === null ? Buffer.alloc(0) : Buffer.concat([Buffer.from(kind), tuple(before)]);
  const bytes = Buffer.concat([Buffer.from('U\0\0\0\x07'), old, Buffer.from('N'), tuple(after)]);
  return parseMessage(bytes) as UpdateMessage;
}

const isIgnored = [false, true, true];

it('is so where ignored columns changed, and nothing else', () => {
  expect(changesOnly(update(['1', 'a', 'b'], ['1', 'x', 'b']), isIgnored)).toBe(true);
  expect(changesOnly(update(['1', 'a', null], ['1', null, 'b']), isIgnored)).toBe(true);
  expect(changesOnly(update(['1', 'a', 'b'], ['2', 'x', 'b']), isIgnored)).toBe(false);
  expect(changesOnly(update([null, 'a', 'b'], ['', 'x', 'b']), isIgnored)).toBe(false);
  // A text that only moves from one column to the next.
  expect(changesOnly(update(['1', 'ab', 'c'], ['1a', 'b', 'c']), isIgnored)).toBe(false);
});

it('is not so where nothing changed, or nobody can say', () => {
  expect(changesOnly(update(['1', 'a', 'b'], ['1', 'a', 'b']), isIgnored)).toBe(false);
  expect(changesOnly(update(null, ['1', 'x', 'b']), isIgnored)).toBe(false);
  expect(changesOnly(update(['1', null, null], ['1', 'x', 'b'], 'K'), isIgnored)).toBe(false);
  expect(changesOnly(update(['1', 'a'], ['1', 'x']), isIgnored)).toBe(false);
});

it('takes a value that the log does not carry for one that stayed', () => {
  expect(changesOnly(update(['long', 'a', 'b'], [KEPT, 'x', 'b']), isIgnored)).toBe(true);
  expect(changesOnly(update(['1', 'long', 'b'], ['1', KEPT, 'b']), isIgnored)).toBe(false);
});

it('says of any row what comparing its values says', () => {
  const value = fc.oneof(fc.constantFrom('', 'a', 'b', 'ä', '\0', 'aa'), fc.constant(null), fc.string());
  const row = fc.array(
    fc.record({
      before: value,
      after: fc.option(value, { nil: undefined }),
      isKept: fc.boolean(),
      rule: fc.boolean(),
    }),
    { minLength: 1, maxLength: 6 },
  );
  fc.assert(
    fc.property(row, (columns) => {
      // What didn't change comes as it is, or not at all.
      const changed = columns.map(({ before, after }) => after !== undefined && after !== before);
      const message = update(
        columns.map(({ before }) => before),
        columns.map(({ before, after, isKept }, at) =>
          changed[at] ? (after as string | null) : isKept ? KEPT : before,
        ),
      );
      fc.pre(columns.every(({ before, after }) => before !== KEPT && after !== KEPT));
      const expected = changed.includes(true) && columns.every(({ rule }, at) => rule || !changed[at]);
      expect(
        changesOnly(
          message,
          columns.map(({ rule }) => rule),
        ),
      ).toBe(expected);
    }),
    { numRuns: 2_000 },
  );
});
