import type { JsonText } from '@colophon/protocol';
import { numericText } from './numeric-text.js';

const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/gs;

/** JSON as PostgreSQL prints it after `::jsonb::text`: members by the length of their names, then by bytes; the last of a name; numbers as `numeric`. */
export function jsonbText(json: JsonText): string {
  const tokens = json.match(TOKEN) ?? [];
  let at = 0;
  const value = (): string => {
    const token = tokens[at++];
    if (token === undefined) throw new SyntaxError('JSON ends too early');
    if (token === '[') return list();
    if (token === '{') return members();
    const first = token[0]!;
    if (first === '"') return JSON.stringify(JSON.parse(token));
    return first === '-' || (first >= '0' && first <= '9') ? numericText(token) : token;
  };
  const list = (): string => {
    const elements: string[] = [];
    while (tokens[at] !== ']') {
      elements.push(value());
      if (tokens[at] === ',') at++;
    }
    at++;
    return `[${elements.join(', ')}]`;
  };
  const members = (): string => {
    const byName = new Map<string, string>();
    while (tokens[at] !== '}') {
      const name: string = JSON.parse(tokens[at]!);
      at += 2;
      byName.set(name, value());
      if (tokens[at] === ',') at++;
    }
    at++;
    const sorted = [...byName].map(([name, text]) => ({ name, text, bytes: Buffer.from(name) }));
    sorted.sort((a, b) => a.bytes.length - b.bytes.length || Buffer.compare(a.bytes, b.bytes));
    return `{${sorted.map(({ name, text }) => `${JSON.stringify(name)}: ${text}`).join(', ')}}`;
  };
  return value();
}
