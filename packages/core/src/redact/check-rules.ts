import { ColophonError } from '@colophon/protocol';
import type { CatalogQuery } from '../decode/catalog-query.js';
import type { TableRedactor } from './table-redactor.js';
import type { TableRule } from './table-rule.js';

interface FoundTable {
  readonly oid: number;
  readonly schema: string;
  readonly table: string;
  /** Of a partition that has partitions: its root; else null. */
  readonly rootSchema: string | null;
  readonly rootTable: string | null;
  readonly columns: string[];
}

// Without names: every table that somebody made.
const FIND_TABLES = `
SELECT c.oid, n.nspname AS schema, c.relname AS table, rn.nspname AS "rootSchema", r.relname AS "rootTable",
  ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_class r ON c.relispartition AND c.relkind = 'p' AND r.oid = pg_catalog.pg_partition_root(c.oid)
  LEFT JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
WHERE c.relkind IN ('r', 'p') AND CASE WHEN $1::text[] IS NULL
  THEN n.nspname NOT IN ('information_schema', 'colophon') AND n.nspname NOT LIKE 'pg\\_%'
  ELSE n.nspname || '.' || c.relname = ANY ($1) END
ORDER BY n.nspname, c.relname`;

/**
 * What is wrong with redaction rules by today's catalog, a sentence each: a table or column that isn't there, and isn't said to be missing.
 * Binds the rules to the tables that it finds.
 */
export async function redactionProblems(redactor: TableRedactor, query: CatalogQuery): Promise<string[]> {
  // Rules for every table hold for each that comes.
  const rules = redactor.rules.filter(({ table }) => table !== null);
  if (rules.length === 0) return [];
  const isByName = rules.every(({ names }) => names !== null);
  const names = isByName ? rules.flatMap((rule) => [...(rule.names ?? [])]) : null;
  const tables = await query<FoundTable>(FIND_TABLES, [names]);
  const problems = rules.flatMap((rule) => {
    const found = tables.filter(({ schema, table }) => rule.matchesTable(schema, table));
    for (const { oid } of found) redactor.bind(oid, rule);
    return problemsOf(rule, found);
  });
  return [...new Set(problems)];
}

function problemsOf(rule: TableRule, found: readonly FoundTable[]): string[] {
  const problems: string[] = [];
  if (found.length === 0 && rule.isRequired) problems.push(`there is no table ${rule.table}`);
  for (const { columns, schema, table, rootSchema, rootTable } of found) {
    // Its rows come under the names of its root and of its partitions.
    if (rootSchema !== null && rootTable !== null && !rule.matchesTable(rootSchema, rootTable)) {
      const name = rule.names === null ? `${schema}.${table}` : rule.table;
      problems.push(`${name} is a partition that has partitions: name the root instead`);
    }
    if (rule.isRequired && !columns.includes(rule.column ?? '')) {
      problems.push(`table ${rule.table} has no column ${rule.column}`);
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
