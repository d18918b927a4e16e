import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayTable, parseTableNames, quoteTable } from './table-name.js';

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

describe('parseTableNames', () => {
  it.each([
    ['todo', [['public', 'todo']]],
    [
      'Todo, sales.Order ',
      [
        ['public', 'Todo'],
        ['sales', 'Order'],
      ],
    ],
    ['a,a,public.a', [['public', 'a']]],
    ['other.a.b', [['other', 'a.b']]],
    [
      '"odd.name",x."a,b"',
      [
        ['public', 'odd.name'],
        ['x', 'a,b'],
      ],
    ],
    ['"say ""hi"""', [['public', 'say "hi"']]],
    [
      'größe,日本.テーブル',
      [
        ['public', 'größe'],
        ['日本', 'テーブル'],
      ],
    ],
    ['with space.my table', [['with space', 'my table']]],
  ])('%j', (text, names) => {
    expect(parseTableNames(text).map(({ schema, name }) => [schema, name])).toEqual(names);
  });

  it.each(['', ',', 'a,', ',a', 'a,,b', '.a', 'a.', '"a"b', '""', 'a."b"c'])('refuses %j', (text) => {
    expect(() => parseTableNames(text)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  it('reads back every list of quoted names', () => {
    const name = fc.string({ unit: 'binary', minLength: 1 });
    const table = fc.record({ schema: name, name });
    fc.assert(
      fc.property(
        fc.uniqueArray(table, {
          minLength: 1,
          selector: ({ schema, name }) => JSON.stringify([schema, name]),
        }),
        (tables) => {
          const text = tables.map((each) => `${quoted(each.schema)}.${quoted(each.name)}`).join(',');
          expect(parseTableNames(text)).toEqual(tables);
        },
      ),
    );
  });
});

it('shows public tables without their schema, and quotes every name for SQL', () => {
  expect(displayTable({ schema: 'public', name: 'Todo' })).toBe('Todo');
  expect(displayTable({ schema: 'sales', name: 'order' })).toBe('sales.order');
  expect(quoteTable({ schema: 'public', name: 'a"b' })).toBe('"public"."a""b"');
});
