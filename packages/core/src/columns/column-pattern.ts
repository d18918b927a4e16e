import { ColophonError } from '@colophon/protocol';

/** Which columns of which tables are meant. */
export interface ColumnPattern {
  /** As it was written. */
  readonly text: string;
  /** The table as it was written; empty where none was. */
  readonly table: string;
  /** Whether every table is meant. */
  readonly isAnyTable: boolean;
  readonly matchesTable: (schema: string, table: string) => boolean;
  readonly matchesColumn: (column: string) => boolean;
  /** The table, where it is named and not matched. */
  readonly exactTable: { readonly schema: string; readonly name: string } | null;
  /** The column's name, likewise. */
  readonly exactColumn: string | null;
}

interface Part {
  readonly text: string;
  /** The name where nothing in it is a `*`. */
  readonly name: string | null;
  readonly matches: (name: string) => boolean;
}

const ANY: Part = { text: '*', name: null, matches: () => true };
const MAX_PARTS = 3;
const UNQUOTED = /[^.",\s]+/y;
const QUOTED = /"((?:[^"]|"")+)"/y;

/**
 * Reads `column`, `table.column` or `schema.table.column`. Names are as they are, case and all; `*` in one stands for any
 * characters, or none. A name with dots, commas, spaces, quotes or a star of its own stands in double quotes, `""` for a quote. Without a table
 * every table is meant. Without a schema a table's name is one of schema `public`, and one with a `*` of any schema. Throws `INVALID_OPTION`.
 */
export function parseColumnPattern(text: string): ColumnPattern {
  const parts = typeof text === 'string' ? readParts(text) : null;
  if (parts === null) {
    throw new ColophonError(
      'INVALID_OPTION',
      `A column pattern is column, table.column or schema.table.column, with * for any characters, got ${
        typeof text === 'string' ? JSON.stringify(text) : typeof text
      }: put names that hold dots, commas, spaces or quotes in double quotes.`,
    );
  }
  const column = parts.at(-1)!;
  const table = parts.at(-2) ?? ANY;
  const schema = parts.at(-3) ?? (table.name === null ? ANY : exactly('public'));
  return {
    text,
    table: parts
      .slice(0, -1)
      .map((part) => part.text)
      .join('.'),
    isAnyTable: table === ANY && schema === ANY,
    matchesTable: (ofSchema, name) => table.matches(name) && schema.matches(ofSchema),
    matchesColumn: column.matches,
    exactTable:
      table.name === null || schema.name === null ? null : { schema: schema.name, name: table.name },
    exactColumn: column.name,
  };
}

function readParts(text: string): Part[] | null {
  const parts: Part[] = [];
  for (let at = 0; parts.length < MAX_PARTS; at++) {
    const quoted = matchAt(QUOTED, text, at);
    const found = quoted ?? matchAt(UNQUOTED, text, at);
    if (found === null) return null;
    at += found[0].length;
    parts.push(
      quoted === null
        ? unquoted(found[0])
        : { ...exactly(quoted[1]!.replaceAll('""', '"')), text: quoted[0] },
    );
    if (at === text.length) return parts;
    if (text[at] !== '.') return null;
  }
  return null;
}

function matchAt(form: RegExp, text: string, at: number): RegExpExecArray | null {
  form.lastIndex = at;
  return form.exec(text);
}

function exactly(name: string): Part {
  return { text: name, name, matches: (other) => other === name };
}

function unquoted(text: string): Part {
  if (!text.includes('*')) return exactly(text);
  if (/^\*+$/.test(text)) return ANY;
  const pieces = text.split(/\*+/).map((piece) => piece.replace(/[\\^$.|?+()[\]{}/-]/g, '\\$&'));
  const form = new RegExp(`^${pieces.join('.*')}$`, 's');
  return { text, name: null, matches: (name) => form.test(name) };
}
