import { type JsonText, jsonItems, jsonMembers, type Operation } from '@colophon/protocol';

/** The row before and after a change, as JSON objects; `{}` where there is none, or it wasn't recorded. */
export interface RowImages {
  readonly before: JsonText;
  readonly after: JsonText;
}

/** In which of three ways a trail keeps them: see `ImportMapping`. */
export type ImageKind = 'pair' | 'row' | 'object';

const NONE: JsonText = '{}';

/** What two recorded objects say of the row, by the kind of change. Null: not recorded. */
export function rowImages(
  kind: ImageKind,
  operation: Operation,
  first: JsonText | null,
  second: JsonText | null,
): RowImages {
  if (operation === 'TRUNCATE') return { before: NONE, after: NONE };
  if (kind === 'pair') return pairImages(operation, first, second);
  return kind === 'row'
    ? rowAndChanged(operation, first, second)
    : objectAndChanges(operation, first, second);
}

/** Some trails keep the one row that there is always in the same column. */
function pairImages(operation: Operation, before: JsonText | null, after: JsonText | null): RowImages {
  if (operation === 'CREATE') return { before: NONE, after: after ?? before ?? NONE };
  if (operation === 'DELETE') return { before: before ?? after ?? NONE, after: NONE };
  return { before: before ?? NONE, after: after ?? NONE };
}

function rowAndChanged(operation: Operation, row: JsonText | null, changed: JsonText | null): RowImages {
  if (operation === 'CREATE') return { before: NONE, after: row ?? NONE };
  if (operation === 'DELETE') return { before: row ?? NONE, after: NONE };
  return { before: row ?? NONE, after: row === null ? (changed ?? NONE) : overlaid(row, changed ?? NONE) };
}

function objectAndChanges(
  operation: Operation,
  object: JsonText | null,
  changes: JsonText | null,
): RowImages {
  const pairs =
    changes === null ? null : jsonMembers(changes).map(([name, pair]) => [name, jsonItems(pair)] as const);
  const side = (at: 0 | 1): JsonText =>
    objectOf((pairs ?? []).map(([name, pair]) => [name, pair[at] ?? 'null']));
  if (operation === 'CREATE') return { before: NONE, after: pairs === null ? NONE : side(1) };
  if (operation === 'DELETE') return { before: object ?? (pairs === null ? NONE : side(0)), after: NONE };
  // Without what changed, nobody knows the row after.
  return { before: object ?? side(0), after: pairs === null ? NONE : overlaid(object ?? NONE, side(1)) };
}

/** The one with the other's members over it. */
function overlaid(under: JsonText, over: JsonText): JsonText {
  return objectOf([...new Map([...jsonMembers(under), ...jsonMembers(over)])]);
}

/** Members put together to an object's text. */
export function objectOf(members: readonly (readonly [string, JsonText])[]): JsonText {
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
}
