import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactPattern, isTablePattern, parseTableWish, tableMatcher } from './table-pattern.js';

const TABLES = [
  'public.todo',
  'public.a*b',
  'sales.order',
  'sales.tmp_1',
  'sales.tmpx',
  'Sales.order_line',
].map((text) => ({ schema: text.split('.')[0]!, name: text.split('.')[1]! }));
const matches = (text: string) => {
  const [wished] = parseTableWish(text);
  if (wished === undefined || !isTablePattern(wished)) return wished;
  return TABLES.filter(tableMatcher(wished)).map(({ schema, name }) => `${schema}.${name}`);
};

describe('parseTableWish', () => {
  it.each([
    ['*', ['public.todo', 'public.a*b']],
    ['sales.*', ['sales.order', 'sales.tmp_1', 'sales.tmpx']],
    ['*.order*', ['sales.order', 'Sales.order_line']],
    ['sales.tmp_*', ['sales.tmp_1']],
    ['*.*', TABLES.map(({ schema, name }) => `${schema}.${name}`)],
    ['"a*"*', 'refused'],
    ['*."a*b"', ['public.a*b']],
    ['a*b', ['public.a*b']],
  ])('%j matches', (text, expected) => {
    if (expected === 'refused') expect(() => parseTableWish(text)).toThrow(/list of tables/);
    else expect(matches(text)).toEqual(expected);
  });

  it('takes names as they are', () => {
    expect(parseTableWish('todo, sales."a*b","!x"')).toEqual([
      { schema: 'public', name: 'todo' },
      { schema: 'sales', name: 'a*b' },
      { schema: 'public', name: '!x' },
    ]);
  });

  it('knows what is left out, named or by a pattern', () => {
    expect(
      parseTableWish('!todo,!sales.*').map((wished) => isTablePattern(wished) && wished.isExclusion),
    ).toEqual([true, true]);
  });

  it('takes the same once', () => {
    expect(parseTableWish('sales.*, sales.* ,todo,public.todo')).toHaveLength(2);
  });
});

it('a table matches its own pattern and no other does', () => {
  const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(name, name, name, (schema, one, other) => {
      const isOne = tableMatcher(exactPattern({ schema, name: one }));
      expect(isOne({ schema, name: one })).toBe(true);
      expect(isOne({ schema, name: other })).toBe(one === other);
    }),
  );
});
