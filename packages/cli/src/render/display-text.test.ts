import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayWidth, pad, truncate, visible, wrap } from './display-text.js';

// What a table has to cope with: plain words, wide, combining and joined characters, and what a terminal obeys.
const PIECES = [
  'a',
  'word',
  ' ',
  '  ',
  '日本',
  '한',
  'é',
  'e\u0301',
  '👩‍👩‍👧',
  '🇯🇵',
  '❤️',
  '\t',
  '\n',
  '\x1b[31m',
  '\u202e',
  '\ud800',
];
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join('')),
);
const shown = text.map(visible);

describe('displayWidth', () => {
  it.each([
    ['', 0],
    ['plain', 5],
    ['日本語', 6],
    ['한글', 4],
    ['ｆｕｌｌ', 8],
    ['é', 1],
    ['e\u0301', 1],
    ['👍', 2],
    ['👩‍👩‍👧', 2],
    ['❤️', 2],
    ['→ –', 3],
    ['Größe', 5],
  ])('of %j is %i', (value, width) => {
    expect(displayWidth(value)).toBe(width);
  });
});

describe('visible', () => {
  it('writes out what a terminal would obey', () => {
    expect(visible('a\x1b[2Jb\n\r\t\x07\u202e\u200b')).toBe('a\\u001b[2Jb\\n\\r\\t\\u0007\\u202e\\u200b');
    expect(visible('日本 👩‍👩‍👧 é')).toBe('日本 👩‍👩‍👧 é');
  });

  it('leaves no control character, line break or lone surrogate in any text', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(visible(value)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });
});

describe('truncate', () => {
  it('leaves what fits, and else keeps the beginning within the width', () => {
    fc.assert(
      fc.property(shown, fc.integer({ min: 1, max: 40 }), (value, width) => {
        const cut = truncate(value, width);
        expect(displayWidth(cut)).toBeLessThanOrEqual(width);
        if (displayWidth(value) <= width) expect(cut).toBe(value);
        else expect(value.startsWith(cut.slice(0, -1)) && cut.endsWith('…')).toBe(true);
      }),
    );
  });
});

describe('wrap', () => {
  it('loses nothing but spaces at line ends, and no line is too wide', () => {
    fc.assert(
      fc.property(shown, fc.integer({ min: 2, max: 40 }), (value, width) => {
        const lines = wrap(value, width);
        for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(width);
        expect(lines.join('').replaceAll(' ', '')).toBe(value.replaceAll(' ', ''));
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['one two three', 8, ['one two', 'three']],
    ['abcdefghij', 4, ['abcd', 'efgh', 'ij']],
    ['日本語の', 5, ['日本', '語の']],
    ['', 5, ['']],
    ['to buy: milk', 7, ['to buy:', 'milk']],
  ])('breaks %j in %i columns at words where it can', (value, width, lines) => {
    expect(wrap(value, width)).toEqual(lines);
  });
});

it('pad fills up by columns, not by characters', () => {
  expect(pad('日', 4)).toBe('日  ');
  expect(pad('long', 2)).toBe('long');
});
