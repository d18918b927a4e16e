// Writes the SQL files into a TypeScript file: a bundled application has no folder of SQL beside it.
// `node scripts/embed-sql.mjs` after every change in sql/; a unit test fails where it was forgotten.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const packageDir = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const target = path.join(packageDir, 'src/migrate/migrations.generated.ts');

/** The generated file's text. */
export function embedSql() {
  const folder = path.join(packageDir, 'sql');
  const files = fs.readdirSync(folder).filter((name) => /^\d{6}\.sql$/.test(name));
  const entries = files.sort().map((name) => {
    // A database that isn't UTF-8 would refuse even a comment.
    const sql = fs.readFileSync(path.join(folder, name), 'utf8').replaceAll('…', '...');
    if (/[^\0-\x7f]/.test(sql)) throw new Error(`${name} has characters that are not ASCII.`);
    const literal = sql.replaceAll('\\', '\\\\').replaceAll('`', '\\`').replaceAll('${', '\\${');
    return `  {\n    version: ${Number(name.slice(0, 6))},\n    sql: \`${literal}\`,\n  },\n`;
  });
  return `// Generated from sql/ by scripts/embed-sql.mjs: change it there.

/** A step of the store's schema. */
export interface Migration {
  readonly version: number;
  readonly sql: string;
}

/** Every step, oldest first. */
export const MIGRATIONS: readonly Migration[] = [
${entries.join('')}];
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) fs.writeFileSync(target, embedSql());
