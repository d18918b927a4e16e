/**
 * JSON as text. Kept as text from the wire to the store, since parsing it into JavaScript values would lose digits of
 * `int8` and `numeric`.
 */
export type JsonText = string;

const NON_ASCII = /[\u007f-\uffff]/g;
const ANY_NON_ASCII = /[\u007f-\uffff]/;

/** JSON text with every non-ASCII character as `\uXXXX`: a LATIN1 database refuses what it cannot hold otherwise. */
export function escapeNonAscii(json: JsonText): JsonText {
  // Most contexts are ASCII, and a test is a third of what a replacement of nothing costs.
  if (!ANY_NON_ASCII.test(json)) return json;
  return json.replace(NON_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

// One escape at a time, so that the backslash of `\\\\ud800` is never taken for the start of a surrogate; pairs first.
const ESCAPE =
  /\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\u0000|\\./gs;
const SINGLE_LENGTH = '\\u0000'.length;
const STORABLE_SINGLE = /^\\(?!u0000|u[dD][89a-fA-F])/;

/**
 * JSON text in which no string holds NUL or half of a surrogate pair (`jsonb` refuses both): each becomes U+FFFD.
 * Works on escapes only: `JSON.stringify` never writes either as itself.
 */
export function replaceUnstorable(json: JsonText): JsonText {
  // Most contexts hold no such escape at all, and this is called for each.
  if (!json.includes('\\u')) return json;
  return json.replace(ESCAPE, (found) =>
    found.length > SINGLE_LENGTH || STORABLE_SINGLE.test(found) ? found : '\\ufffd',
  );
}
