import type { JsonText } from '@colophon/protocol';

const SHORT_OFFSET = /([+-]\d\d)(?= BC$|$)/;

/** `timestamp`: `2024-01-31 09:00:00.5 BC` → `"2024-01-31T09:00:00.5 BC"`. `infinity` has no space. */
export function timestampJson(text: string): JsonText {
  return `"${text.replace(' ', 'T')}"`;
}

/** `timestamptz`: the same, and the offset `+00` as `+00:00`. */
export function timestamptzJson(text: string): JsonText {
  const json = text.replace(' ', 'T');
  if (json.endsWith('+00')) return `"${json}:00"`;
  // "-infinity" ends in no digits, so that it is never taken for an offset.
  return `"${json.replace(SHORT_OFFSET, '$1:00')}"`;
}
