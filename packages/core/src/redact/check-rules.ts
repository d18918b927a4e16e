import { ColophonError } from '@colophon/protocol';
import type { CatalogQuery } from '../decode/catalog-query.js';
import { tableNames } from './table-names.js';
import type { TableRedactor } from './table-redactor.js';

interface FoundTable {
  readonly oid: number;
  readonly isMiddle: boolean;
  readonly columns: string[];
}

const FIND_TABLES = `
SELECT c.oid, c.relispartition AND c.relkind = 'p' AS "isMiddle",
  ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname || '.' || c.relname = ANY ($1::text[])`;

/**
 * What is wrong with redaction rules by today's catalog, a sentence each: a table or column that isn't there, and isn't said to be missing.
 * Binds the rules to the tables that it finds.
 */
export async function redactionProblems(redactor: TableRedactor, query: CatalogQuery): Promise<string[]> {
  const problems: string[] = [];
  for (const [table, rules] of redactor.rules) {
    const found = await query<FoundTable>(FIND_TABLES, [[...tableNames(table)]]);
    const needed = [...rules].filter(([, { mayBeMissing }]) => !mayBeMissing).map(([column]) => column);
    if (found.length === 0 && needed.length > 0) problems.push(`there is no table ${table}`);
    for (const { oid, isMiddle, columns } of found) {
      redactor.bind(oid, table);
      if (isMiddle) problems.push(`${table} is a partition that has partitions: name the root instead`);
      for (const column of needed) {
        if (!columns.includes(column)) problems.push(`table ${table} has no column ${column}`);
      }
    }
  }
  return problems;
}

/** Throws `REDACTION_IMPOSSIBLE` where a rule doesn't fit the catalog: a value must not get through for a misspelt name. */
export async function checkRedactionRules(redactor: TableRedactor, query: CatalogQuery): Promise<void> {
  const problems = await redactionProblems(redactor, query);
  if (problems.length === 0) return;
  throw new ColophonError(
    'REDACTION_IMPOSSIBLE',
    `The redaction rules don't fit the source: ${problems.join('; ')}. Put the rules right; what may rightly be missing is given mayBeMissing.`,
    { details: { problems: problems.length } },
  );
}
