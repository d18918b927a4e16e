import type { RelationMessage } from './message.js';

/** What the source's catalog says of a table today. */
export interface CatalogKey {
  /** The primary key's columns, in the key's order. */
  readonly keyColumns: readonly string[];
  /** All columns in their order, dropped ones not counted. */
  readonly columns: readonly { readonly name: string; readonly typeOid: number }[];
}

/**
 * The primary key's columns, in the key's order, under the names they had in the changing transaction.
 *
 * With the default identity the message marks exactly the key of that moment; the catalog adds only the order. Otherwise
 * (with identity FULL every column is marked) it is today's key: none, where the table has none now. Where its columns don't
 * stand in the message, the key as remembered, then today's with columns renamed since, found by their place. Of a table
 * that is gone and was never seen, a marked index.
 */
export function chooseKeyColumns(
  message: RelationMessage,
  today: CatalogKey | undefined,
  rememberedKey: readonly string[] | undefined,
): readonly string[] {
  const present = new Set(message.columns.map(({ name }) => name));
  const isPresent = (key: readonly string[] | undefined): key is readonly string[] =>
    key !== undefined && key.length > 0 && key.every((name) => present.has(name));
  const marked = message.columns.filter(({ isKey }) => isKey).map(({ name }) => name);

  if (message.replicaIdentity === 'd' && marked.length > 0) {
    const isMarked = (key: readonly string[]) =>
      key.length === marked.length && key.every((name) => marked.includes(name));
    for (const key of [today?.keyColumns, today && renamedSince(message, today), rememberedKey]) {
      if (isPresent(key) && isMarked(key)) return key;
    }
    return marked;
  }
  if (today !== undefined && today.keyColumns.length === 0) return [];
  for (const key of [today?.keyColumns, rememberedKey, today && renamedSince(message, today)]) {
    if (isPresent(key)) return key;
  }
  return message.replicaIdentity === 'i' ? marked : [];
}

/** Today's key under the message's names: a renamed column keeps its place and, but for ALTER TYPE, its type. */
function renamedSince(message: RelationMessage, today: CatalogKey): readonly string[] | undefined {
  const current = new Set(today.columns.map(({ name }) => name));
  const names: string[] = [];
  for (const name of today.keyColumns) {
    if (message.columns.some((column) => column.name === name)) {
      names.push(name);
      continue;
    }
    const place = today.columns.findIndex((column) => column.name === name);
    const before = message.columns[place];
    if (before === undefined || current.has(before.name)) return undefined;
    if (before.typeOid !== today.columns[place]?.typeOid) return undefined;
    names.push(before.name);
  }
  return names;
}
