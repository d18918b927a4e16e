import type { NumberedColumn } from '../redact/column-numbers.js';

/** Runs one statement on an ordinary connection to the source and gives its rows, as `pg` parses them by default. */
export type CatalogQuery = <R>(text: string, values?: unknown[]) => Promise<R[]>;

/** A row of `TABLES_QUERY`. */
export interface TableRow {
  /** What the statement saw: the text of `pg_current_snapshot()`. */
  readonly snapshot: string;
  readonly wantedOid: number;
  /** Null, like all else, where the table is gone. */
  readonly oid: number | null;
  readonly schema: string;
  readonly table: string;
  readonly rootOid: number | null;
  readonly rootSchema: string | null;
  readonly rootTable: string | null;
  readonly keyColumns: string[];
  readonly columns: (NumberedColumn & { typeOid: number })[];
}

/** Tables by oid: the root of a partition, key and columns; a row for each oid, whether there is such a table or not. */
export const TABLES_QUERY = `
SELECT pg_catalog.pg_current_snapshot()::text AS snapshot, wanted.oid AS "wantedOid", c.oid,
  n.nspname AS "schema", c.relname AS "table", r.oid AS "rootOid", rn.nspname AS "rootSchema", r.relname AS "rootTable",
  ARRAY(
    SELECT a.attname::text
    FROM pg_catalog.pg_index i
      CROSS JOIN LATERAL pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    WHERE i.indrelid = c.oid AND i.indisprimary AND k.place <= i.indnkeyatts
    ORDER BY k.place
  ) AS "keyColumns",
  (
    SELECT COALESCE(pg_catalog.json_agg(
      pg_catalog.json_build_object('name', a.attname, 'typeOid', a.atttypid::bigint,
        'number', a.attnum, 'isGenerated', a.attgenerated <> '') ORDER BY a.attnum), '[]')
    FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  ) AS "columns"
FROM pg_catalog.unnest($1::oid[]) AS wanted(oid)
  LEFT JOIN pg_catalog.pg_class c ON c.oid = wanted.oid
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_class r ON c.relispartition AND r.oid = pg_catalog.pg_partition_root(c.oid)
  LEFT JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace`;

/** A row of `ROOTS_QUERY`. */
export interface RootRow {
  readonly oid: number;
  readonly schema: string;
  readonly table: string;
}

/** The names of partitioned tables by oid. */
export const ROOTS_QUERY = `
SELECT c.oid, n.nspname AS "schema", c.relname AS "table"
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY ($1::oid[])`;

/** A row of `TYPES_QUERY`. */
export interface TypeRow {
  readonly oid: number;
  readonly typtype: string;
  readonly baseOid: number;
  readonly elementOid: number;
  readonly elementDelimiter: string | null;
  readonly output: string;
  readonly isArray: boolean;
  readonly attributes: { name: string; typeOid: number }[];
  readonly hasDropped: boolean;
}

/** Types by oid with all that they are made of: elements, base types, attributes. */
export const TYPES_QUERY = `
WITH RECURSIVE needed(oid) AS (
  SELECT pg_catalog.unnest($1::oid[])
  UNION
  SELECT part.oid
  FROM needed
    JOIN pg_catalog.pg_type t ON t.oid = needed.oid
    CROSS JOIN LATERAL (
      SELECT t.typelem AS oid WHERE t.typelem <> 0
      UNION ALL
      SELECT t.typbasetype WHERE t.typbasetype <> 0
      UNION ALL
      SELECT a.atttypid FROM pg_catalog.pg_attribute a
      WHERE t.typrelid <> 0 AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    ) part
)
SELECT t.oid, t.typtype::text, t.typbasetype AS "baseOid", t.typelem AS "elementOid",
  e.typdelim::text AS "elementDelimiter", p.proname::text AS output,
  t.typelem <> 0 AND h.proname = 'array_subscript_handler' AS "isArray",
  COALESCE(a.attributes, '[]') AS attributes, COALESCE(a.dropped, false) AS "hasDropped"
FROM needed
  JOIN pg_catalog.pg_type t ON t.oid = needed.oid
  LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typelem <> 0
  LEFT JOIN pg_catalog.pg_proc p ON p.oid = t.typoutput
  LEFT JOIN pg_catalog.pg_proc h ON h.oid = t.typsubscript
  LEFT JOIN LATERAL (
    SELECT pg_catalog.json_agg(
        pg_catalog.json_build_object('name', a.attname, 'typeOid', a.atttypid::bigint) ORDER BY a.attnum)
        FILTER (WHERE NOT a.attisdropped) AS attributes,
      pg_catalog.bool_or(a.attisdropped) AS dropped
    FROM pg_catalog.pg_attribute a
    WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0
  ) a ON true`;

/** What the statement that follows it on the same connection will at least see. */
export const SNAPSHOT_QUERY = 'SELECT pg_catalog.pg_current_snapshot()::text AS snapshot';
