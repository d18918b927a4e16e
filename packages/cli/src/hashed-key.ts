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
  const hashed = hashedColumns(redaction, schema ?? 'public', table);
  if (hashed.size === 0) return filter;
  const given = [key].flat() as RowKey[];
  const keys = given.flatMap((one) =>
    redaction.keys.map((secret) => hashKey(one, hashed, (text) => redactedHash(text, secret))),
  );
  return { ...filter, key: [...given, ...keys] };
}

function hashedColumns({ rules }: Redaction, schema: string, table: string): ReadonlySet<string> {
  const names = ['*', `${schema}.${table}`, ...(schema === 'public' ? [table] : [])];
  const columns = new Set<string>();
  for (const name of names) {
    for (const [column, rule] of Object.entries(rules.tables?.[name] ?? {})) {
      if ((typeof rule === 'string' ? rule : rule.by) === 'hash') columns.add(column);
    }
  }
  return columns;
}

function hashKey(key: RowKey, hashed: ReadonlySet<string>, hash: (text: string) => string): RowKey {
  // A key without a column's name: it may be the hashed one.
  if (typeof key !== 'object') return hash(String(key));
  return Object.fromEntries(
    Object.entries(key).map(([column, value]) => [
      column,
      hashed.has(column) && value !== null ? hash(String(value)) : value,
    ]),
  );
}
