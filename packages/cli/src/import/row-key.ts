import { type JsonText, jsonMembers } from '@colophon/protocol';
import { objectOf, type RowImages } from './row-images.js';

/** A row's key, as audit records have it. */
export interface RowKey {
  readonly key: JsonText;
  readonly primaryKey: string | null;
}

const NONE: RowKey = { key: '{}', primaryKey: null };

/** The key by its columns: the row's after the change, or before a deletion. `known` is its value where the rows don't hold it. */
export function rowKey(
  columns: readonly string[],
  { before, after }: RowImages,
  known: string | null,
): RowKey {
  for (const image of [after, before]) {
    if (image === '{}') continue;
    const members = new Map(jsonMembers(image));
    const parts = columns.map((column) => [column, members.get(column) ?? 'null'] as const);
    if (parts.some(([, value]) => value === 'null')) continue;
    return { key: objectOf(parts), primaryKey: parts.length === 1 ? textOf(parts[0]![1]) : null };
  }
  if (known === null || columns.length !== 1) return NONE;
  const value = /^-?(0|[1-9]\d{0,17})$/.test(known) ? known : JSON.stringify(known);
  return { key: objectOf([[columns[0]!, value]]), primaryKey: known };
}

/** A JSON value as PostgreSQL's text. */
function textOf(value: JsonText): string {
  if (value === 'true' || value === 'false') return value.slice(0, 1);
  return value.startsWith('"') ? (JSON.parse(value) as string) : value;
}
