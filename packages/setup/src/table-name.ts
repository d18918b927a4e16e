import { ColophonError, quoteIdentifier } from '@colophon/protocol';

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
  for (const { schema, name } of readTableList(text)) {
    const table = { schema: schema.part, name: name.part };
    if (!names.some((known) => known.schema === table.schema && known.name === table.name)) names.push(table);
  }
  return names;
}

/** A part of a name, as it stands in a list. */
interface NamePart {
  readonly part: string;
  readonly isQuoted: boolean;
}

/** One entry of a list of tables. */
export interface TableEntry {
  /** Whether `!` stands before it, where that is looked for. */
  readonly isExcluded: boolean;
  readonly schema: NamePart;
  readonly name: NamePart;
  /** The entry as it was written. */
  readonly text: string;
}

/** Reads a list of tables entry by entry; `mayExclude`: an unquoted `!` before one isn't part of its name. Throws `INVALID_OPTION`. */
export function readTableList(text: string, mayExclude = false): TableEntry[] {
  const entries: TableEntry[] = [];
  let at = 0;
  do {
    while (text[at] === ' ') at++;
    const start = at;
    const isExcluded = mayExclude && text[at] === '!';
    const first = readPart(text, isExcluded ? at + 1 : at, '.');
    let schema: NamePart = { part: 'public', isQuoted: true };
    let name: NamePart = first;
    at = first.end;
    if (text[at] === '.') {
      const second = readPart(text, at + 1, '');
      schema = first;
      name = second;
      at = second.end;
    }
    if (schema.part === '' || name.part === '' || (at < text.length && text[at] !== ',')) {
      throw new ColophonError(
        'INVALID_OPTION',
        `A list of tables looks like todo,sales.order, got ${JSON.stringify(text)}: put names that hold commas, dots or quotes in double quotes.`,
      );
    }
    entries.push({ isExcluded, schema, name, text: text.slice(start, at).trim() });
    at++;
  } while (at <= text.length);
  return entries;
}

/** One part from `at` on: quoted, or up to a comma or `stop`. Spaces around it don't count. */
function readPart(text: string, at: number, stop: string): NamePart & { end: number } {
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
    return { part, isQuoted: true, end: at };
  }
  for (; at < text.length && PLAIN_PART.test(text[at]!) && text[at] !== stop; at++) part += text[at];
  return { part: part.trimEnd(), isQuoted: false, end: at };
}

/** The name as people write it: without the schema where that is `public`. */
export function displayTable(table: TableName): string {
  return table.schema === 'public' ? table.name : `${table.schema}.${table.name}`;
}

/** The name as SQL takes it: always with its schema, always quoted. */
export function quoteTable(table: TableName): string {
  return `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
}
