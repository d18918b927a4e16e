import { type Change, type JsonText, jsonMembers } from '@colophon/protocol';

/** What of a change its old key is found out from. */
export type KeyedChange = Pick<Change, 'operation' | 'before' | 'key'> & {
  readonly relation: { readonly keyColumns: readonly string[] };
};

/** The key before an UPDATE that changed it, as a JSON object; null for every other change, or where it isn't known. */
export function oldKey(change: KeyedChange): JsonText | null {
  const { operation, before, key } = change;
  if (operation !== 'UPDATE' || before === '{}' || key === '{}') return null;
  // Most tables begin with their key, and most updates leave it.
  const head = key.length - 1;
  if (before.startsWith(key.slice(0, head))) {
    const next = before[head];
    if (next === ',' || next === '}') return null;
  }
  const members = new Map(jsonMembers(before));
  const parts: string[] = [];
  for (const column of change.relation.keyColumns) {
    const value = members.get(column);
    if (value === undefined) return null;
    parts.push(`${JSON.stringify(column)}:${value}`);
  }
  const old = `{${parts.join(',')}}`;
  return old === key ? null : old;
}
