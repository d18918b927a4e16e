import fs from 'node:fs';
import path from 'node:path';
import type pg from 'pg';

const RELATIONS = `
SELECT format('%I.%I', n.nspname, c.relname) AS name,
  ARRAY(SELECT quote_ident(a.attname) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.atttypid = 'bytea'::regtype AND NOT a.attisdropped) AS binary
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY name`;

/** Where something was looked for, and where it was found. */
export interface Search {
  /** Every table, view and materialized view of the database that isn't the server's own. */
  readonly relations: readonly string[];
  /** Those of which some row holds one of the words, in a text, a bytea or whatever prints it, with the word. */
  readonly found: readonly string[];
}

/** Looks for words in every relation of a database, whichever there are. */
export async function searchTables(client: pg.Client, words: readonly string[]): Promise<Search> {
  const { rows } = await client.query<{ name: string; binary: string[] }>(RELATIONS);
  const found: string[] = [];
  for (const { name, binary } of rows) {
    // A bytea is printed in hexadecimal.
    const places = [
      'strpos(t::text, $1) > 0',
      ...binary.map((column) => `position(convert_to($1, 'UTF8') IN t.${column}) > 0`),
    ];
    for (const word of words) {
      const hit = await client.query(`SELECT 1 FROM ${name} AS t WHERE ${places.join(' OR ')} LIMIT 1`, [
        word,
      ]);
      if (hit.rowCount !== 0) found.push(`${name}: ${word}`);
    }
  }
  return { relations: rows.map(({ name }) => name), found };
}

/** Every file below a folder, data and WAL alike, whose bytes hold one of the words, with the word. */
export function filesHolding(folder: string, words: readonly string[]): string[] {
  const found: string[] = [];
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const bytes = fs.readFileSync(file);
    for (const word of words) if (bytes.includes(word)) found.push(`${file}: ${word}`);
  }
  return found;
}
