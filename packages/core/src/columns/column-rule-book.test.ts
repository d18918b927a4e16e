import { describe, expect, it } from 'vitest';
import { redactorsOf } from '../redact/redaction-rules.js';
import { ColumnRuleBook } from './column-rule-book.js';

it('says what holds for a column: of rules by name and by pattern the strictest, and whether it is ignored', () => {
  const book = new ColumnRuleBook(
    { tables: { account: { mail: 'mask', pin: 'hash' }, '*': { ssn: 'drop' } } },
    {
      ignore: ['*.updated_at', 'ssn'],
      exclude: ['account.pin'],
      hash: ['mail', { columns: ['secret_*.token'], mayBeMissing: true }],
      mask: [{ columns: ['ssn'], mask: '(none)' }],
    },
  );
  const rule = (name: string) => book.ruleFor(...(name.split('.') as [string, string, string]));
  expect(rule('public.account.mail')).toEqual({ isIgnored: false, redaction: 'mask' });
  expect(rule('sales.account.mail')).toEqual({ isIgnored: false, redaction: 'hash' });
  expect(rule('public.account.pin')).toEqual({ isIgnored: false, redaction: 'drop' });
  expect(rule('sales.order.ssn')).toEqual({ isIgnored: true, redaction: 'drop' });
  expect(rule('sales.secret_a.token')).toEqual({ isIgnored: false, redaction: 'hash' });
  expect(rule('sales.order.updated_at')).toEqual({ isIgnored: true, redaction: null });
  expect(rule('sales.order.id')).toEqual({ isIgnored: false, redaction: null });
  expect(book.mayHave('hash', 'sales', 'order')).toBe(true);
  expect(new ColumnRuleBook(undefined, { exclude: ['a.b'] }).mayHave('drop', 'sales', 'a')).toBe(false);
  expect(book.patterns.map(({ text }) => text)).toEqual([
    '*.updated_at',
    'ssn',
    'account.pin',
    'ssn',
    'mail',
    'secret_*.token',
  ]);
});

describe('what is no rule is refused', () => {
  it.each([
    [{ ignored: [] }, /unknown key "ignored"/],
    [{ ignore: 'updated_at' }, /columns\.ignore is no list/],
    [{ ignore: [{ columns: ['a'] }] }, /got object/],
    [{ exclude: [{ columns: 'a' }] }, /columns\.exclude: columns is no list/],
    [{ exclude: [{ columns: ['a'], mask: 'x' }] }, /unknown key "mask"/],
    [{ mask: [{ columns: ['a'], mask: 7 }] }, /mask is no text/],
    [{ hash: [{ columns: ['a'], mayBeMissing: 'yes' }] }, /mayBeMissing is no boolean/],
    [{ hash: ['a'] }, /The rule for a is hash, but there is no key/],
    [{ mask: [null] }, /an entry of columns\.mask is no object/],
    [[], /Option columns is no object/],
    [{ exclude: ['a.b.c.d'] }, /A column pattern is/],
  ])('%j', (columns, message) => {
    expect(() => redactorsOf(undefined, columns as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringMatching(message) }),
    );
  });
});
