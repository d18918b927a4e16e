import { ColophonError } from '@colophon/protocol';
import { quoteIdentifier } from './quote.js';

/** A table by its schema and name, as they are in the catalog. */
export interface TableName {
  readonly schema: string;
  readonly name: string;
}

const PLAIN_PART = /[^,]/;

/**
 * Reads `a,b,other.c`: names as they are (no case folding), schema `public` unless said, up to the first dot.
 * A part in double quotes may hold dots and commas, with `""` for a quote: `"odd.name",sales."Order, old"`.
 * Throws `INVALID_OPTION`.
 */
export function parseTableNames(text: string): TableName[] {
  const names: TableName[] = [];
  let at = 0;
  do {
    const first = readPart(text, at, '.');
    let name: TableName = { schema: 'public', name: first.part };
    at = first.end;
    if (text[at] === '.') {
      const second = readPart(text, at + 1, '');
      name = { schema: first.part, name: second.part };
      at = second.end;
    }
    if (name.schema === '' || name.name === '' || (at < text.length && text[at] !== ',')) {
      throw new ColophonError(
        'INVALID_OPTION',
        `A list of tables looks like todo,sales.order, got ${JSON.stringify(text)}: put names that hold commas, dots or quotes in double quotes.`,
      );
    }
    if (!names.some((known) => known.schema === name.schema && known.name === name.name)) names.push(name);
    at++;
  } while (at <= text.length);
  return names;
}

/** One part from `at` on: quoted, or up to a comma or `stop`. Spaces around it don't count. */
function readPart(text: string, at: number, stop: string): { part: string; end: number } {
  while (text[at] === ' ') at++;
  let part = '';
  if (text[at] === '"') {
    for (at++; at < text.length; at++) {
      if (text[at] !== '"') part += text[at];
      else if (text[at + 1] === '"') part += text[at++];
      else break;
    }
    at++;
    while (text[at] === ' ') at++;
    return { part, end: at };
  }
  for (; at < text.length && PLAIN_PART.test(text[at]!) && text[at] !== stop; at++) part += text[at];
  return { part: part.trimEnd(), end: at };
}

/** The name as people write it: without the schema where that is `public`. */
export function displayTable(table: TableName): string {
  return table.schema === 'public' ? table.name : `${table.schema}.${table.name}`;
}

/** The name as SQL takes it: always with its schema, always quoted. */
export function quoteTable(table: TableName): string {
  return `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
}
