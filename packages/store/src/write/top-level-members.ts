import type { JsonText } from '@colophon/protocol';

/**
 * The members of a JSON object by name, each value as its text: so that no digit is lost. The text is taken to be valid
 * JSON; of a name that comes twice the last counts, as in `jsonb`.
 */
export function topLevelMembers(json: JsonText): Map<string, JsonText> {
  const members = new Map<string, JsonText>();
  let at = skipSpace(json, json.indexOf('{') + 1);
  while (json[at] === '"') {
    const nameEnd = endOfString(json, at);
    const name = JSON.parse(json.slice(at, nameEnd)) as string;
    const start = skipSpace(json, json.indexOf(':', nameEnd) + 1);
    const end = endOfValue(json, start);
    members.set(name, json.slice(start, end).trimEnd());
    at = skipSpace(json, end + 1);
  }
  return members;
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
    } else if (char === ',' || char === '}') return at;
  }
  return json.length;
}
