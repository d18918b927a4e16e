import { ColophonError } from '@colophon/protocol';
import { type Connection, displayTable, type TableName } from '@colophon/setup';

/** A column of the table that is imported. */
export interface OriginColumn {
  readonly name: string;
  /** PostgreSQL's short name of its type: `jsonb`, `timestamptz`, `hstore`; of a domain the one underneath. */
  readonly type: string;
  readonly isNotNull: boolean;
  /** Whether an index of its own makes it unique. */
  readonly isUnique: boolean;
}

/** The table that is imported, as its catalog has it. */
export interface OriginTable {
  readonly name: TableName;
  /** The database that it is in. */
  readonly database: string;
  readonly columns: ReadonlyMap<string, OriginColumn>;
  /** About how many rows it has. */
  readonly estimatedRows: number;
}

const TABLE = `SELECT c.oid::text AS oid, greatest(c.reltuples, 0)::float8 AS rows, current_database() AS database
 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')`;

const COLUMNS = `SELECT a.attname AS name, coalesce(b.typname, t.typname) AS type, a.attnotnull AS "isNotNull",
  EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indisvalid
    AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum) AS "isUnique"
 FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
 LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
 WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`;

/** Looks at the table. Throws `TABLE_MISSING`. */
export async function inspectOrigin(connection: Connection, name: TableName): Promise<OriginTable> {
  const [table] = await connection.query<{ oid: string; rows: number; database: string }>(TABLE, [
    name.schema,
    name.name,
  ]);
  if (table === undefined) {
    throw new ColophonError(
      'TABLE_MISSING',
      `There is no table ${displayTable(name)} in ${connection.target}: check --from and --table.`,
    );
  }
  const columns = await connection.query<{
    name: string;
    type: string;
    isNotNull: boolean;
    isUnique: boolean;
  }>(COLUMNS, [table.oid]);
  return {
    name,
    database: table.database,
    columns: new Map(columns.map((column) => [column.name, column])),
    estimatedRows: Math.round(table.rows),
  };
}

const KEYS = `SELECT n.nspname || '.' || c.relname AS "table", array_agg(a.attname::text ORDER BY k.n) AS columns
 FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, n)
 JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
 WHERE i.indisprimary AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') GROUP BY 1`;

/** The primary keys of the source's tables, by schema and name with a dot between. */
export async function sourceKeys(connection: Connection): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await connection.query<{ table: string; columns: string[] }>(KEYS);
  return new Map(rows.map(({ table, columns }) => [table, columns]));
}
