import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CopyRows } from './copy-rows.js';

/** As PostgreSQL's CopyAttributeOutText writes it. */
const escaped = (value: string | null): string =>
  value === null
    ? '\\N'
    : value.replace(/[\\\b\f\n\r\t\v]/g, (c) =>
        c === '\\' ? '\\\\' : `\\${'bfnrtv'['\b\f\n\r\t\v'.indexOf(c)]}`,
      );

function values(tuple: { buffer: Buffer; start: number; columnCount: number }): (string | null)[] {
  const found: (string | null)[] = [];
  let at = tuple.start;
  for (let column = 0; column < tuple.columnCount; column++) {
    if (tuple.buffer[at++] === 0x6e) {
      found.push(null);
      continue;
    }
    const length = tuple.buffer.readInt32BE(at);
    at += 4;
    found.push(tuple.buffer.toString('utf8', at, at + length));
    at += length;
  }
  return found;
}

const value = fc.option(
  fc.string({
    unit: fc.constantFrom('\\', '\t', '\n', '\r', '\b', '\f', '\v', 'N', '.', 'n', 'a', 'é', '😀'),
  }),
);

it('gives back every value, wherever the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc
        .integer({ min: 0, max: 4 })
        .chain((width) =>
          fc.tuple(
            fc.constant(width),
            fc.array(fc.array(value, { minLength: width, maxLength: width }), { maxLength: 5 }),
            fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
          ),
        ),
      ([width, rows, cuts]) => {
        const bytes = Buffer.from(rows.map((row) => `${row.map(escaped).join('\t')}\n`).join(''));
        const reader = new CopyRows(width);
        const found: (string | null)[][] = [];
        for (let at = 0, cut = 0; at < bytes.length; cut++) {
          const length = cuts[cut % cuts.length]!;
          for (const tuple of reader.push(bytes.subarray(at, at + length))) found.push(values(tuple));
          at += length;
        }
        expect(found).toEqual(rows);
      },
    ),
  );
});
