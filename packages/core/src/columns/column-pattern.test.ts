import { describe, expect, it } from 'vitest';
import { parseColumnPattern } from './column-pattern.js';

const meets = (pattern: string, schema: string, table: string, column: string): boolean => {
  const { matchesTable, matchesColumn } = parseColumnPattern(pattern);
  return matchesTable(schema, table) && matchesColumn(column);
};

describe('a pattern meets', () => {
  it.each([
    ['updated_at', 'public.todo.updated_at', 'sales.todo.updated_at'],
    ['*.updated_at', 'public.todo.updated_at', 'sales.todo.updated_at'],
    ['*_cached_counter', 'public.a._cached_counter', 'sales.b.likes_cached_counter'],
    ['account.password', 'public.account.password'],
    ['public.account.password', 'public.account.password'],
    ['secret_*.token', 'public.secret_.token', 'sales.secret_a.token'],
    ['billing.*.iban', 'billing.account.iban', 'billing.a.iban'],
    ['*.account.password', 'public.account.password', 'sales.account.password'],
    ['b*l*g.a*.*', 'billing.account.iban', 'blg.a.x'],
    ['"odd.name"."a,b"', 'public.odd.name.a,b'],
    ['"say ""hi"""', 'public.x.say "hi"'],
    ['"*"', 'public.x.*'],
    ['a+b', 'public.x.a+b'],
    ['größe', 'public.x.größe'],
  ])('%s', (pattern, ...names) => {
    for (const name of names) {
      const [schema, ...rest] = name.split('.') as [string, ...string[]];
      // Of a name with dots the column is the last part.
      expect(meets(pattern, schema, rest.slice(0, -1).join('.'), rest.at(-1)!), name).toBe(true);
    }
  });

  it.each([
    ['account.password', 'sales.account.password'],
    ['updated_at', 'public.todo.updated_at2'],
    ['updated_at', 'public.todo.Updated_at'],
    ['*_counter', 'public.todo.counter'],
    ['secret_*.token', 'public.a_secret_b.token'],
    ['billing.*.iban', 'public.account.iban'],
    ['"*"', 'public.x.y'],
    ['a.b', 'public.b.a'],
    ['a+b', 'public.x.aab'],
  ])('%s not %s', (pattern, name) => {
    const [schema, table, column] = name.split('.') as [string, string, string];
    expect(meets(pattern, schema, table, column)).toBe(false);
  });
});

it('names a column exactly only where nothing in it is matched', () => {
  const exact = {
    exactTable: { schema: 'public', name: 'account' },
    exactColumn: 'password',
    isAnyTable: false,
  };
  expect(parseColumnPattern('account.password')).toMatchObject({ ...exact, table: 'account' });
  expect(parseColumnPattern('public.account.password')).toMatchObject({ ...exact, table: 'public.account' });
  expect(parseColumnPattern('account.pass*')).toMatchObject({ ...exact, exactColumn: null });
  expect(parseColumnPattern('acc*.password')).toMatchObject({ exactTable: null, isAnyTable: false });
  expect(parseColumnPattern('*.account.password')).toMatchObject({ exactTable: null, isAnyTable: false });
  expect(parseColumnPattern('public.*.password')).toMatchObject({ exactTable: null, isAnyTable: false });
  expect(parseColumnPattern('*.password')).toMatchObject({ exactTable: null, isAnyTable: true });
  expect(parseColumnPattern('password')).toMatchObject({ exactTable: null, isAnyTable: true });
});

it.each([
  '',
  '.',
  'a.',
  '.a',
  'a..b',
  'a.b.c.d',
  'a b',
  'a.b, c.d',
  '"a',
  '""',
  'a"b"',
  '"a"b',
  ' a',
  7,
  null,
])('refuses %j', (text) => {
  expect(() => parseColumnPattern(text as string)).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION' }),
  );
});
