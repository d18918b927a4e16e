import fs from 'node:fs';
import path from 'node:path';
import type pg from 'pg';

/** Every table, view and materialized view of a database in which some row's text holds one of the words, with the word. */
export async function tablesHolding(client: pg.Client, words: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'v', 'm', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')`,
  );
  const found: string[] = [];
  for (const { name } of rows) {
    for (const word of words) {
      const hit = await client.query(`SELECT 1 FROM ${name} AS t WHERE strpos(t::text, $1) > 0 LIMIT 1`, [
        word,
      ]);
      if (hit.rowCount !== 0) found.push(`${name}: ${word}`);
    }
  }
  return found;
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
