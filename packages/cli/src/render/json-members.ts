/** A member of a JSON object: its name, and its value as it stands in the text, to the last digit. */
export type Member = readonly [name: string, value: string];

/** The members of a JSON object's text, in order. `JSON.parse` would round numbers. */
export function jsonMembers(text: string): Member[] {
  const members: Member[] = [];
  let at = skipSpace(text, text.indexOf('{') + 1);
  while (at < text.length && text[at] !== '}') {
    const nameEnd = endOfString(text, at);
    const name = JSON.parse(text.slice(at, nameEnd)) as string;
    const start = skipSpace(text, text.indexOf(':', nameEnd) + 1);
    const end = endOfValue(text, start);
    members.push([name, text.slice(start, end).trimEnd()]);
    at = skipSpace(text, end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return members;
}

function skipSpace(text: string, at: number): number {
  let end = at;
  while (end < text.length && ' \n\r\t'.includes(text[end]!)) end++;
  return end;
}

/** Behind the closing quote of the string that begins at `at`. */
function endOfString(text: string, at: number): number {
  let end = at + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
  return end + 1;
}

function endOfValue(text: string, at: number): number {
  let depth = 0;
  let end = at;
  for (; end < text.length; end++) {
    const character = text[end]!;
    if (character === '"') end = endOfString(text, end) - 1;
    else if (character === '{' || character === '[') depth++;
    else if (depth === 0 && (character === ',' || character === '}')) break;
    else if (character === '}' || character === ']') depth--;
  }
  return end;
}

/** A JSON value for people: a string without its quotes, everything else as it stands. */
export function plainValue(value: string): string {
  return value.startsWith('"') ? (JSON.parse(value) as string) : value;
}
