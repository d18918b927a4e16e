import { ColophonError } from '@colophon/protocol';
import { storedPrimaryKey } from '../write/stored-primary-key.js';
import type { SqlConditions } from './sql-conditions.js';

/** A value of a key's column. */
export type KeyValue = string | number | bigint | boolean | null;
/** A row's key: the value of the key's one column, or an object of all its columns. */
export type RowKey = string | number | bigint | Readonly<Record<string, KeyValue>>;

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?$/;
const ISO_TIME = /^\d{4,}-\d\d-\d\dT\d\d:\d\d/;

/** Adds that a row has this key, or had it before the change; of a list any. */
export function addKeyCondition(conditions: SqlConditions, key: RowKey | readonly RowKey[]): void {
  const keys = [key].flat() as RowKey[];
  if (keys.length === 0) throw new ColophonError('INVALID_OPTION', 'A list of keys must have one, got none.');
  const any = keys.map((one) =>
    typeof one === 'object' ? objectCondition(conditions, one) : textCondition(conditions, String(one)),
  );
  conditions.add(any.length === 1 ? any[0]! : `(${any.join(' OR ')})`);
}

function textCondition(conditions: SqlConditions, text: string): string {
  const byText = `r.primary_key = ${conditions.parameter(storedPrimaryKey(text))}`;
  const composite = objectText(text);
  if (composite !== undefined) {
    return `(${byText} OR r.old_key @> ${conditions.parameter(composite)}::jsonb)`;
  }
  // The column's name isn't known: any member. Few changes have an old key, and only they are in its index.
  const alternatives = [`@ == ${JSON.stringify(text)}`, ...(NUMBER.test(text) ? [`@ == ${text}`] : [])];
  const path = conditions.parameter(`$.* ? (${alternatives.join(' || ')})`);
  return `(${byText} OR r.old_key IS NOT NULL AND r.old_key @? ${path}::jsonpath)`;
}

function objectCondition(conditions: SqlConditions, key: Readonly<Record<string, KeyValue>>): string {
  const entries = Object.entries(key);
  if (entries.length === 0) {
    throw new ColophonError('INVALID_OPTION', 'A key must name its columns, got an empty object.');
  }
  const members = entries.map(([name, value]) => {
    return `${JSON.stringify(name)}:${typeof value === 'bigint' ? value : JSON.stringify(value)}`;
  });
  const json = conditions.parameter(`{${members.join(',')}}`);
  const [first] = entries;
  const text =
    entries.length === 1 && first !== undefined
      ? `ANY (${conditions.parameter(texts(first[1]).map(storedPrimaryKey))}::text[])`
      : `${json}::jsonb::text`;
  return `(r.primary_key = ${text} AND r.key @> ${json}::jsonb OR r.old_key @> ${json}::jsonb)`;
}

/** The texts that PostgreSQL may give a value: JSON writes times and booleans in another way. */
function texts(value: KeyValue): string[] {
  if (typeof value === 'boolean') return [value ? 't' : 'f', String(value)];
  if (typeof value === 'string' && ISO_TIME.test(value)) {
    return [value, value.replace('T', ' ').replace(/([+-]\d\d):00$/, '$1')];
  }
  return [String(value)];
}

function objectText(text: string): string | undefined {
  if (!text.startsWith('{')) return;
  try {
    JSON.parse(text);
    return text;
  } catch {
    return;
  }
}
