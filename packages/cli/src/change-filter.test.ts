import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FilterFlags, parseCount, parseFilter } from './change-filter.js';

const NOW = new Date('2026-11-23T12:00:00.000Z');
const filter = (flags: FilterFlags) => parseFilter(flags, NOW);
const invalid = expect.objectContaining({ code: 'INVALID_OPTION' });

it('asks for everything without flags', () => {
  expect(filter({})).toEqual({});
});

describe('--table', () => {
  it('takes names as they are', () => {
    expect(filter({ table: 'Todo' })).toEqual({ schema: 'public', table: 'Todo' });
    expect(filter({ table: 'sales."Order, old"' })).toEqual({ schema: 'sales', table: 'Order, old' });
  });

  it('is one table', () => {
    expect(() => filter({ table: 'a,b' })).toThrow(invalid);
  });
});

describe('--context', () => {
  it.each([
    ['user=42', { user: 42 }],
    ['user="42"', { user: '42' }],
    ['user=anna', { user: 'anna' }],
    ['ok=true', { ok: true }],
    ['reason=', { reason: '' }],
    ['endpoint=GET /a?b=c', { endpoint: 'GET /a?b=c' }],
    ['at={"a":[1]}', { at: { a: [1] } }],
    ['none=null', { none: null }],
  ])('%j is typed', (text, context) => {
    expect(filter({ context: [text] })).toEqual({ context });
  });

  it('may be repeated', () => {
    expect(filter({ context: ['user=1', 'role=admin'] })).toEqual({ context: { user: 1, role: 'admin' } });
  });

  it('keeps any key and any text as it was', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }).filter((key) => !key.includes('=')),
        fc.string(),
        (key, value) => {
          const { context } = filter({ context: [`${key}=${JSON.stringify(value)}`] });
          expect(Object.entries(context ?? {})).toEqual([[key, value]]);
        },
      ),
    );
    expect(Object.entries(filter({ context: ['__proto__=1'] }).context ?? {})).toEqual([['__proto__', 1]]);
  });

  it.each(['user', '=1', ''])('%j is refused', (text) => {
    expect(() => filter({ context: [text] })).toThrow(invalid);
  });
});

describe('--key', () => {
  it('is text, or columns as JSON', () => {
    const key = (text: string) => filter({ table: 'todo', key: text }).key;
    expect(key('7')).toBe('7');
    expect(key(' {"order": 7, "line": "2"}')).toEqual({ order: 7, line: '2' });
    expect(() => key('{order: 7}')).toThrow(invalid);
  });

  it('wants the table', () => {
    expect(() => filter({ key: '7' })).toThrow(invalid);
  });
});

it('--operation takes several, in any case, INSERT for CREATE', () => {
  expect(filter({ operation: 'insert, UPDATE' })).toEqual({ operation: ['CREATE', 'UPDATE'] });
  for (const operation of ['SELECT', '', 'CREATE,', 'constructor']) {
    expect(() => filter({ operation })).toThrow(invalid);
  }
});

describe('--since and --until', () => {
  it.each([
    ['2026-11-23T10:00Z', '2026-11-23T10:00:00.000Z'],
    ['2026-11-23 10:00:05.123456+02', '2026-11-23T08:00:05.123456Z'],
    ['2026-11-23T10:00:05.1-0330', '2026-11-23T13:30:05.1Z'],
    ['2026-11-23T23:59:59.999999z', '2026-11-23T23:59:59.999999Z'],
    ['2h', '2026-11-23T10:00:00.000Z'],
    ['90 s', '2026-11-23T11:58:30.000Z'],
    ['7d', '2026-11-16T12:00:00.000Z'],
    ['2028-02-29T00:00+14:00', '2028-02-28T10:00:00.000Z'],
  ])('%j is %s', (text, at) => {
    expect(filter({ since: text, until: text })).toEqual({ from: at, to: at });
  });

  it('a date or time without a zone is local', () => {
    expect(filter({ since: '2026-07-01' }).from).toBe(new Date(2026, 6, 1).toISOString());
    expect(filter({ since: '2026-07-01 08:30' }).from).toBe(new Date(2026, 6, 1, 8, 30).toISOString());
  });

  it.each([
    'yesterday',
    '',
    '7',
    '-1h',
    '10:00',
    '2026-13-01',
    '2026-02-30',
    '2026-02-29T10:00Z',
    '2026-11-23T25:00Z',
    '2026-11-23T10:00:00.1234567Z',
  ])('%j is refused', (since) => {
    expect(() => filter({ since })).toThrow(invalid);
  });
});

it('--environment and --name', () => {
  expect(filter({ environment: '', name: 'app' })).toEqual({ environment: '', source: 'app' });
});

it('counts are whole and not too small', () => {
  expect(parseCount('10', '--limit', 1)).toBe(10);
  expect(parseCount('0', '--lines', 0)).toBe(0);
  for (const text of ['0', '-1', '1.5', '1e3', '', 'all', '10000000000']) {
    expect(() => parseCount(text, '--limit', 1)).toThrow(invalid);
  }
});
