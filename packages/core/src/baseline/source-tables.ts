import { ColophonError } from '@colophon/protocol';
import type { SourceSession } from './source-session.js';

/** A table by the names that were asked for. */
export interface WantedTable {
  readonly schema: string;
  readonly name: string;
}

/** A table, or a partition at the bottom, that is to be copied. */
export interface SourceTable {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
}

interface Row {
  readonly wantedSchema: string;
  readonly wantedName: string;
  readonly isFound: boolean;
  readonly oid: number | null;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly isPublished: boolean;
  /** What the role lacks to read it. */
  readonly missing: string;
  readonly isFiltered: boolean;
}

// pg_partition_tree gives nothing for what is neither partitioned nor a partition.
const TABLES = `
WITH published AS (
  SELECT c.oid, p.schemaname AS schema, p.tablename AS name
  FROM pg_catalog.pg_publication_tables p
    JOIN pg_catalog.pg_namespace n ON n.nspname = p.schemaname
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename
  WHERE p.pubname = $1
), wanted AS (
  SELECT t.place, t.schema, t.name, c.oid
  FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS t(schema, name, place)
    LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = t.schema
    LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.name
  UNION ALL
  SELECT 0, schema, name, oid FROM published WHERE $2::text[] IS NULL AND schema <> 'colophon'
)
SELECT w.schema AS "wantedSchema", w.name AS "wantedName", w.oid IS NOT NULL AS "isFound",
  c.oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind,
  EXISTS (SELECT FROM published p WHERE p.oid = c.oid
    OR p.oid IN (SELECT pg_catalog.pg_partition_ancestors(c.oid)::oid)) AS "isPublished",
  pg_catalog.concat_ws('; ',
    CASE WHEN NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')
      THEN pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %I', n.nspname, current_user) END,
    CASE WHEN NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')
      THEN pg_catalog.format('GRANT SELECT ON TABLE %I.%I TO %I', n.nspname, c.relname, current_user) END) AS missing,
  pg_catalog.row_security_active(c.oid) AS "isFiltered"
FROM wanted w
  LEFT JOIN LATERAL (
    SELECT relid::oid AS oid FROM pg_catalog.pg_partition_tree(w.oid) WHERE isleaf
    UNION
    SELECT w.oid WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_partition_tree(w.oid))
  ) leaf ON true
  LEFT JOIN pg_catalog.pg_class c ON c.oid = leaf.oid
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
ORDER BY w.place, n.nspname COLLATE "C", c.relname COLLATE "C"`;

/**
 * The tables and partitions to copy: of those named, or all that are published. Throws, before anything is read:
 * `TABLE_MISSING` (no such table, or not tracked), `TABLE_UNSUITABLE`, `PRIVILEGE_MISSING` (SELECT, or row security that
 * would hide rows).
 */
export async function findTables(
  session: SourceSession,
  publication: string,
  wanted: readonly WantedTable[] | null,
): Promise<SourceTable[]> {
  const rows = await session.query<Row>(TABLES, [
    publication,
    wanted?.map(({ schema }) => schema) ?? null,
    wanted?.map(({ name }) => name) ?? null,
  ]);
  const found = new Map<number, SourceTable>();
  for (const row of rows) {
    if (!row.isFound) {
      throw new ColophonError(
        'TABLE_MISSING',
        `No such table: ${nameText(row.wantedSchema, row.wantedName)}. Names are taken as they are, case and all, schema public unless said. Nothing was copied.`,
      );
    }
    // A partitioned table without partitions has no rows.
    if (row.oid === null) continue;
    // A partition that lies on another server is in no publication and has no log here.
    if (row.kind === 'f' && (row.schema !== row.wantedSchema || row.name !== row.wantedName)) continue;
    check(row, publication);
    found.set(row.oid, { oid: row.oid, schema: row.schema, name: row.name });
  }
  return [...found.values()];
}

function check(row: Row, publication: string): void {
  const name = nameText(row.schema, row.name);
  const refuse = (code: 'TABLE_MISSING' | 'TABLE_UNSUITABLE' | 'PRIVILEGE_MISSING', why: string) => {
    throw new ColophonError(code, `${name} ${why}. Nothing was copied.`, { details: { table: name } });
  };
  if (row.kind !== 'r')
    refuse('TABLE_UNSUITABLE', "is no table that can be tracked, so there's no baseline of it");
  if (row.schema === 'colophon') refuse('TABLE_UNSUITABLE', "is the store's own");
  if (!row.isPublished) {
    refuse(
      'TABLE_MISSING',
      `isn't tracked (publication ${publication} hasn't it), and a baseline without the changes after it would say nothing: run colophon init --tables with its name first`,
    );
  }
  if (row.missing !== '')
    refuse('PRIVILEGE_MISSING', `can't be read: ${row.missing} (colophon role consumer --for-snapshot)`);
  if (row.isFiltered) {
    refuse(
      'PRIVILEGE_MISSING',
      'has row security that hides rows from this role, and a baseline must be whole: run it as the owner or as a role with BYPASSRLS',
    );
  }
}

/** A table's name as people write it. */
export function nameText(schema: string, name: string): string {
  return schema === 'public' ? name : `${schema}.${name}`;
}
