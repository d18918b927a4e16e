import { createHmac } from 'node:crypto';
import type { ColumnOptions } from '@colophon/core';

/** Rules as plain texts: those without anything else said of them. */
export type PlainRules = { readonly [List in keyof ColumnOptions]-?: readonly string[] };

/** A change as it was decoded, or as it is to be stored. */
export interface PlainChange {
  readonly schema: string;
  readonly table: string;
  readonly operation: string;
  readonly sequence: number;
  readonly before: Row;
  readonly after: Row;
  readonly unchanged: readonly string[];
  readonly key: Row;
  readonly primary_key: string | null;
}

/** Values by column. */
type Row = Readonly<Record<string, unknown>>;

const like = (pattern: string, name: string): boolean => {
  if (pattern === '') return name === '';
  const [first, rest] = [pattern[0], pattern.slice(1)];
  if (first === '*') return like(rest, name) || (name !== '' && like(pattern, name.slice(1)));
  return first === name[0] && like(rest, name.slice(1));
};

/** Whether a pattern without quotes meets a column. */
export function meets(pattern: string, schema: string, table: string, column: string): boolean {
  const parts = pattern.split('.');
  const [ofColumn = '', ofTable = '*', ofSchema = ofTable.includes('*') ? '*' : 'public'] = parts.reverse();
  return like(ofColumn, column) && like(ofTable, table) && like(ofSchema, schema);
}

/** What of a change is to be kept by the rules, said as simply as it can be; null: nothing. Of a table whose key is `id`; the text of `doc`, a jsonb, is JSON. */
export function keptOf(
  change: PlainChange,
  rules: PlainRules,
  key: { id: string; secret: string },
): PlainChange | null {
  const { schema, table, operation, before, after } = change;
  const isIn = (list: readonly string[], column: string): boolean =>
    list.some((pattern) => meets(pattern, schema, table, column));
  if (operation === 'UPDATE' && Object.keys(before).length === Object.keys(after).length) {
    const changed = Object.keys(after).filter(
      (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
    );
    if (changed.length > 0 && changed.every((name) => name !== 'id' && isIn(rules.ignore, name))) return null;
  }
  const hash = (text: string): string =>
    `hmac-sha256:${key.id}:${createHmac('sha256', key.secret).update(text).digest('hex')}`;
  const kept = (row: Row): Row =>
    Object.fromEntries(
      Object.entries(row)
        .filter(([name]) => !isIn(rules.exclude, name))
        .map(([name, value]) => {
          if (value === null) return [name, null];
          if (isIn(rules.mask, name)) return [name, '***'];
          const isText = typeof value === 'string' && name !== 'doc';
          if (isIn(rules.hash, name)) return [name, hash(isText ? value : JSON.stringify(value))];
          return [name, value];
        }),
    );
  const hasKey = change.primary_key !== null && !isIn(rules.exclude, 'id') && !isIn(rules.mask, 'id');
  return {
    ...change,
    before: kept(before),
    after: kept(after),
    unchanged: change.unchanged.filter((name) => !isIn(rules.exclude, name)),
    key: hasKey ? kept(change.key) : {},
    primary_key: !hasKey ? null : isIn(rules.hash, 'id') ? hash(change.primary_key!) : change.primary_key,
  };
}
