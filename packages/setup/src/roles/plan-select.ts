import { ColophonError, quoteIdentifier } from '@colophon/protocol';
import type { Connection } from '../connect.js';
import type { RoleStatement } from './plan-login.js';

interface Copied {
  schema: string;
  table: string;
  /** Whether the role has the right already; not, where there is no such role. */
  usable: boolean;
  readable: boolean;
}

/**
 * What lets the role copy the published tables as they are, for the baseline: USAGE on their schemas, SELECT on them; of a
 * partitioned table on its partitions, since they are copied one by one.
 */
export async function planSelect(
  connection: Connection,
  publication: string,
  role: string,
): Promise<RoleStatement[]> {
  return statementsFor(await readCopied(connection, publication, role), role);
}

/** To be called once they were run: PostgreSQL only warns where a GRANT gave nothing. Throws `PRIVILEGE_MISSING`. */
export async function checkSelect(connection: Connection, publication: string, role: string): Promise<void> {
  const rows = await readCopied(connection, publication, role);
  const missing = [
    ...statementsFor(
      rows.filter(({ usable }) => !usable),
      role,
    ).filter(({ sql }) => sql.startsWith('GRANT USAGE')),
    ...statementsFor(
      rows.filter(({ readable }) => !readable),
      role,
    ).filter(({ sql }) => sql.startsWith('GRANT SELECT')),
  ];
  if (missing.length === 0) return;
  throw new ColophonError(
    'PRIVILEGE_MISSING',
    `${connection.target}: the connected role may not give what ${quoteIdentifier(role)} lacks: the owner of the schema or table, or a superuser, runs ${missing.map(({ sql }) => sql).join('; ')}.`,
  );
}

function statementsFor(rows: readonly Copied[], role: string): RoleStatement[] {
  const to = quoteIdentifier(role);
  const schemas = [...new Set(rows.map((row) => row.schema))];
  const statements = [
    ...schemas.map((schema) => `GRANT USAGE ON SCHEMA ${quoteIdentifier(schema)} TO ${to}`),
    ...rows.map(
      ({ schema, table }) =>
        `GRANT SELECT ON TABLE ${quoteIdentifier(schema)}.${quoteIdentifier(table)} TO ${to}`,
    ),
  ];
  return statements.map((sql) => ({ sql, shown: sql }));
}

function readCopied(connection: Connection, publication: string, role: string): Promise<Copied[]> {
  return connection.query<Copied & Record<string, unknown>>(
    `SELECT DISTINCT n.nspname AS schema, c.relname AS "table",
            coalesce(has_schema_privilege(g.oid, n.oid, 'USAGE'), false) AS usable,
            coalesce(has_table_privilege(g.oid, c.oid, 'SELECT'), false) AS readable
       FROM pg_publication p
       JOIN pg_publication_rel r ON r.prpubid = p.oid
       CROSS JOIN LATERAL (
         SELECT relid::oid AS oid FROM pg_partition_tree(r.prrelid) WHERE isleaf
         UNION SELECT r.prrelid WHERE NOT EXISTS (SELECT FROM pg_partition_tree(r.prrelid))) leaf
       JOIN pg_class c ON c.oid = leaf.oid AND c.relkind <> 'f'
       JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_roles g ON g.rolname = $2
      WHERE p.pubname = $1 ORDER BY 1, 2`,
    [publication, role],
  );
}
