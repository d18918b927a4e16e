import type { JsonText } from './json-text.js';

/** A member of a JSON object: its name, and its value as it stands in the text. */
export type JsonMember = readonly [name: string, value: JsonText];

/**
 * The members of a JSON object's text in order, each value as its text: `JSON.parse` would round numbers. The text is taken
 * to be valid JSON. A name that comes twice is there twice; in `jsonb` the last counts.
 */
export function jsonMembers(json: JsonText): JsonMember[] {
  const members: JsonMember[] = [];
  let at = skipSpace(json, json.indexOf('{') + 1);
  while (json[at] === '"') {
    const nameEnd = endOfString(json, at);
    const name = JSON.parse(json.slice(at, nameEnd)) as string;
    const start = skipSpace(json, json.indexOf(':', nameEnd) + 1);
    const end = endOfValue(json, start);
    members.push([name, json.slice(start, end).trimEnd()]);
    at = skipSpace(json, end + 1);
  }
  return members;
}

/** The items of a JSON list's text in order, each as its text. The text is taken to be valid JSON. */
export function jsonItems(json: JsonText): JsonText[] {
  const items: JsonText[] = [];
  let at = skipSpace(json, json.indexOf('[') + 1);
  while (at < json.length && json[at] !== ']') {
    const end = endOfValue(json, at);
    items.push(json.slice(at, end).trimEnd());
    if (json[end] === ']') break;
    at = skipSpace(json, end + 1);
  }
  return items;
}

function skipSpace(json: string, from: number): number {
  let at = from;
  while (json[at] === ' ' || json[at] === '\n' || json[at] === '\t' || json[at] === '\r') at++;
  return at;
}

/** After the closing quote of the string that begins at `from`. */
function endOfString(json: string, from: number): number {
  for (let at = from + 1; ; at++) {
    const found = json.indexOf('"', at);
    if (found < 0) return json.length;
    let backslashes = 0;
    while (json[found - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return found + 1;
    at = found;
  }
}

/** At the comma or bracket that ends the value which begins at `from`. */
function endOfValue(json: string, from: number): number {
  let depth = 0;
  for (let at = from; at < json.length; at++) {
    const char = json[at];
    if (char === '"') at = endOfString(json, at) - 1;
    else if (char === '{' || char === '[') depth++;
    else if (depth > 0) {
      if (char === '}' || char === ']') depth--;
    } else if (char === ',' || char === '}' || char === ']') return at;
  }
  return json.length;
}
