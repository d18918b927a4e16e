import { ColumnRuleBook } from '@colophon/core';
import { redactedHash } from '@colophon/protocol';
import type { ChangeFilter, RowKey } from '@colophon/store';
import type { Redaction } from './protection.js';

/**
 * The filter, its key also as redaction hashes it: whoever asks has the value, the store only the hash. With every known
 * key, since a key may have followed another; and as it is, for what was stored before there was a rule.
 */
export function withHashedKey(filter: ChangeFilter, redaction: Redaction | undefined): ChangeFilter {
  const { key, schema, table } = filter;
  if (redaction === undefined || key === undefined || table === undefined) return filter;
  const book = new ColumnRuleBook(redaction.rules, redaction.columns);
  const ofTable = [schema ?? 'public', table] as const;
  if (!book.mayHave('hash', ...ofTable)) return filter;
  const isHashed = (column: string): boolean => book.ruleFor(...ofTable, column).redaction === 'hash';
  const given = [key].flat() as RowKey[];
  const keys = given.flatMap((one) =>
    redaction.keys.map((secret) => hashKey(one, isHashed, (text) => redactedHash(text, secret))),
  );
  return { ...filter, key: [...given, ...keys] };
}

function hashKey(key: RowKey, isHashed: (column: string) => boolean, hash: (text: string) => string): RowKey {
  // A key without a column's name: it may be the hashed one.
  if (typeof key !== 'object') return hash(String(key));
  return Object.fromEntries(
    Object.entries(key).map(([column, value]) => [
      column,
      isHashed(column) && value !== null ? hash(String(value)) : value,
    ]),
  );
}
