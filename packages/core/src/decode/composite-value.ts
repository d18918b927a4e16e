import type { JsonText } from '@colophon/protocol';

const COMMA = 0x2c;
const QUOTE = 0x22;

/**
 * The fields of a composite's text, `(1,"a ""b""",)`: null where nothing stands between the commas.
 * Null instead of a list where the text isn't a composite's. `()` is one field, null.
 * @see https://www.postgresql.org/docs/current/rowtypes.html#ROWTYPES-IO-SYNTAX
 */
export function compositeFields(text: string): (string | null)[] | null {
  if (text[0] !== '(' || text.at(-1) !== ')') return null;
  const fields: (string | null)[] = [];
  const last = text.length - 1;
  let at = 1;
  for (;;) {
    let end: number;
    if (text.charCodeAt(at) === QUOTE) {
      end = quotedEnd(text, at);
      fields.push(unquoted(text.slice(at + 1, end - 1)));
    } else {
      end = at;
      while (end < last && text.charCodeAt(end) !== COMMA) end++;
      fields.push(end === at ? null : text.slice(at, end));
    }
    if (end === last) return fields;
    if (text.charCodeAt(end) !== COMMA) return null;
    at = end + 1;
  }
}

/** A composite as a JSON object: members are `"name":` texts, each with its field's value. */
export function compositeJson(names: readonly string[], values: readonly JsonText[]): JsonText {
  let json = '{';
  for (let i = 0; i < names.length; i++) json += `${i === 0 ? '' : ','}${names[i]}${values[i]}`;
  return `${json}}`;
}

/** Offset behind the closing quote; inside, quotes and backslashes are doubled. */
function quotedEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length) {
    if (text.charCodeAt(at) === QUOTE) {
      if (text.charCodeAt(at + 1) !== QUOTE) break;
      at++;
    }
    at++;
  }
  return at + 1;
}

function unquoted(quoted: string): string {
  return /["\\]/.test(quoted) ? quoted.replace(/""|\\\\/g, (pair) => pair[0]!) : quoted;
}
