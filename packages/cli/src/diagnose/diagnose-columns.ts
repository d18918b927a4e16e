import { ColumnRuleBook } from '@colophon/core';
import { type Check, type Connection, displayTable, found, inWords, ok } from '@colophon/setup';
import type { Redaction } from '../protection.js';

interface PublishedTable {
  readonly schema: string;
  readonly name: string;
  /** The same where it is no partition. */
  readonly rootSchema: string;
  readonly rootName: string;
  readonly hasFullIdentity: boolean;
  readonly columns: readonly string[];
  readonly keyColumns: readonly string[];
}

const PUBLISHED = `
SELECT n.nspname AS schema, c.relname AS name, coalesce(rn.nspname, n.nspname) AS "rootSchema",
  coalesce(r.relname, c.relname) AS "rootName", c.relreplident = 'f' AS "hasFullIdentity",
  ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) AS columns,
  ARRAY(SELECT a.attname::text FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a
        ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
        WHERE i.indrelid = c.oid AND i.indisprimary) AS "keyColumns"
FROM pg_catalog.pg_publication_tables p
  JOIN pg_catalog.pg_namespace n ON n.nspname = p.schemaname
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename
  LEFT JOIN pg_catalog.pg_class r ON c.relispartition AND r.oid = pg_catalog.pg_partition_root(c.oid)
  LEFT JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
WHERE p.pubname = $1 ORDER BY 1, 2`;

/** Holds the rules by pattern against the tracked tables: what matches nothing, and what can't be ignored. Nothing where there are none. */
export async function diagnoseColumns(
  redaction: Redaction | undefined,
  publication: string,
  connection: Connection,
): Promise<Check[]> {
  if (redaction === undefined || Object.keys(redaction.columns).length === 0) return [];
  const book = new ColumnRuleBook(redaction.rules, redaction.columns);
  const rows = await connection.query(PUBLISHED, [publication]);
  const tables = rows as unknown as readonly PublishedTable[];
  const checks = [...idle(book, tables), ...unseen(book, tables)];
  return checks.length > 0
    ? checks
    : [ok('columns', `${book.patterns.length} patterns, each of them meets a column`)];
}

function idle({ patterns }: ColumnRuleBook, tables: readonly PublishedTable[]): Check[] {
  const without = patterns.filter(
    (pattern) =>
      !tables.some(
        ({ schema, name, rootSchema, rootName, columns }) =>
          (pattern.matchesTable(schema, name) || pattern.matchesTable(rootSchema, rootName)) &&
          columns.some(pattern.matchesColumn),
      ),
  );
  if (without.length === 0) return [];
  const which = without.map(({ text }) => text).join(', ');
  return [
    found(
      'columns.idle',
      `no column of a tracked table is met by ${which}`,
      inWords('put the pattern right, or take it out of columns'),
    ),
  ];
}

/** Without the row before a change nobody can say that nothing else changed. */
function unseen(book: ColumnRuleBook, tables: readonly PublishedTable[]): Check[] {
  const names = tables.flatMap(
    ({ schema, name, rootSchema, rootName, hasFullIdentity, columns, keyColumns }) => {
      const isIgnored = (column: string): boolean =>
        !keyColumns.includes(column) &&
        (book.ruleFor(schema, name, column).isIgnored ||
          book.ruleFor(rootSchema, rootName, column).isIgnored);
      return !hasFullIdentity && columns.some(isIgnored) ? [displayTable({ schema, name })] : [];
    },
  );
  if (names.length === 0) return [];
  return [
    found(
      'columns.unseen',
      `changes of ignored columns are recorded all the same in ${names.join(', ')}: the log doesn't have the row before them`,
      inWords('give these tables REPLICA IDENTITY FULL, as colophon init --replica-identity full does'),
    ),
  ];
}
