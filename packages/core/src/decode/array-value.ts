import type { JsonText } from '@colophon/protocol';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/**
 * An array's text (`{1,NULL,"a b"}`, `[2:3]={…}`, `{{…},{…}}`) as a JSON array. Bounds are dropped, as `to_jsonb` does.
 * `delimiter` is the element type's: a comma for all but `box`.
 * @see https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
 */
export function arrayJson(text: string, delimiter: number, element: (text: string) => JsonText): JsonText {
  let at = text.charCodeAt(0) === OPEN ? 0 : text.indexOf('=') + 1;
  let json = '';
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === OPEN) {
      json += '[';
      at++;
    } else if (code === CLOSE) {
      json += ']';
      at++;
    } else if (code === delimiter) {
      json += ',';
      at++;
    } else if (code === QUOTE) {
      const end = closingQuote(text, at + 1);
      json += element(unescaped(text.slice(at + 1, end)));
      at = end + 1;
    } else {
      const end = tokenEnd(text, at, delimiter);
      const token = text.slice(at, end);
      json += token === 'NULL' ? 'null' : element(token);
      at = end;
    }
  }
  return json;
}

/** The text of the two built-in vectors, `1 2 3`, as a JSON array. */
export function vectorJson(text: string, element: (text: string) => JsonText): JsonText {
  return text === '' ? '[]' : `[${text.split(' ').map(element).join(',')}]`;
}

function tokenEnd(text: string, start: number, delimiter: number): number {
  let at = start;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === delimiter || code === CLOSE) break;
  }
  return at;
}

function closingQuote(text: string, start: number): number {
  let at = start;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) break;
    if (code === BACKSLASH) at++;
  }
  return at;
}

function unescaped(quoted: string): string {
  return quoted.includes('\\') ? quoted.replace(/\\(.)/gs, '$1') : quoted;
}
