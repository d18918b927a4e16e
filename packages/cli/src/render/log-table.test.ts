import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import picocolors from 'picocolors';
import { describe, expect, it } from 'vitest';
import type { ShownChange } from './change-lines.js';
import { displayWidth } from './display-text.js';
import { LogTable } from './log-table.js';

const PLAIN = picocolors.createColors(false);
const COLOURED = picocolors.createColors(true);

const CHANGE: ShownChange = {
  committed_at: '2026-11-23T10:20:30.123456+00:00',
  operation: 'UPDATE',
  schema: 'public',
  table: 'todo',
  partition: null,
  primary_key: '7',
  beforeJson: '{"id": 7, "done": false, "title": "buy milk"}',
  afterJson: '{"id": 7, "done": true, "title": "buy milk"}',
  contextJson: '{"user": 42, "endpoint": "PUT /todo/7"}',
};

const row = (change: Partial<ShownChange>, columns = 80): string =>
  new LogTable(columns, PLAIN).row({ ...CHANGE, ...change });

describe('a change', () => {
  it('says who, where, what, and from what to what: only what differs', () => {
    const text = row({});
    for (const part of ['user: 42', 'endpoint: PUT', 'UPDATE', 'todo 7', 'done: false → true']) {
      expect(text).toContain(part);
    }
    expect(text).not.toContain('milk');
  });

  it.each<[string, Partial<ShownChange>, string[]]>([
    ['CREATE', { operation: 'CREATE', beforeJson: '{}' }, ['+ id: 7', '+ title: buy milk']],
    ['DELETE', { operation: 'DELETE', afterJson: '{}' }, ['- id: 7', '- done: false']],
    ['TRUNCATE', { operation: 'TRUNCATE', beforeJson: '{}', afterJson: '{}' }, ['all rows removed']],
    ['UPDATE without before', { beforeJson: '{}' }, ['id: 7', 'done: true']],
    ['UPDATE that changed nothing', { afterJson: CHANGE.beforeJson }, ['nothing (written as it was)']],
    ['a change of the key', { afterJson: '{"id": 8}' }, ['id: 7 → 8']],
    ['an empty text', { beforeJson: '{"a": ""}', afterJson: '{"a": null}' }, ['a: "" → null']],
    [
      'exact numbers',
      { beforeJson: '{"n": 9007199254740992}', afterJson: '{"n": 9007199254740993}' },
      ['n: 9007199254740992 →', '9007199254740993'],
    ],
    ['no context', { contextJson: '{}' }, ['–']],
    ['another schema', { schema: 'sales' }, ['sales.todo 7']],
    ['a partition', { partition: 'todo_2026' }, ['in todo_2026']],
    ['no key', { primary_key: null }, ['todo\n']],
  ])('%s', (_, change, parts) => {
    for (const part of parts) expect(row(change, 120)).toContain(part);
  });

  it('writes out what would move the cursor or turn the text', () => {
    const text = row({ contextJson: '{"user": "a\\u001b[2J\\nroot"}', primary_key: 'x\r\u202e' });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\u202e]/);
    expect(text).toContain('a\\u001b[2J\\nroot');
  });
});

/** Blanks of any kind: a name may be one, and the plain table ends its lines with none. */
const BLANK_END = /[^\S\n]+$/gm;

describe('the table', () => {
  const json = fc
    .dictionary(fc.string({ unit: 'grapheme', maxLength: 30 }), fc.jsonValue({ maxDepth: 2 }), {
      maxKeys: 20,
    })
    .map((value) => JSON.stringify(value));
  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 63 });
  const change = fc.record<ShownChange>({
    committed_at: fc.constantFrom('2026-11-23T10:20:30Z', '2026-11-24T00:00:00.5+00:00'),
    operation: fc.constantFrom('CREATE', 'UPDATE', 'DELETE', 'TRUNCATE'),
    schema: name,
    table: name,
    partition: fc.option(name),
    primary_key: fc.option(name),
    beforeJson: json,
    afterJson: json,
    contextJson: json,
  });

  it('fits in the terminal with any change, coloured or not', () => {
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 4 }),
        fc.integer({ min: 60, max: 200 }),
        (changes, columns) => {
          const plain = new LogTable(columns, PLAIN);
          const coloured = new LogTable(columns, COLOURED);
          const text = plain.head() + changes.map((each) => plain.row(each)).join('');
          for (const line of text.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(columns);
          const paint = coloured.head() + changes.map((each) => coloured.row(each)).join('');
          const trimmed = stripVTControlCharacters(paint).replace(BLANK_END, '');
          expect(trimmed).toBe(text.replace(BLANK_END, ''));
        },
      ),
    );
  });

  it('says the date once a day', () => {
    const table = new LogTable(80, PLAIN);
    const texts = ['2026-11-23T12:00:00Z', '2026-11-23T12:00:01Z', '2026-11-25T12:00:00Z'].map(
      (committed_at) => table.row({ ...CHANGE, committed_at }),
    );
    expect(texts.map((text) => /── \d{4}-\d\d-\d\d ──/.test(text))).toEqual([true, false, true]);
  });

  it('cuts a change of very many columns and says how many lines are left out', () => {
    const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`c${at}`, at])));
    const text = row({ operation: 'CREATE', afterJson: wide });
    expect(text).toContain('… 89 more lines');
    expect(text.split('\n').length).toBeLessThan(16);
  });
});
