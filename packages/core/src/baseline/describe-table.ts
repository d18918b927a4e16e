import { type BaselineTable, ColophonError } from '@colophon/protocol';
import type { RelationMessage } from '../decode/message.js';
import type { RowDecoder } from '../decode/row-decoder.js';
import type { SourceCatalog } from '../decode/source-catalog.js';
import type { SourceSession } from './source-session.js';
import { nameText, type SourceTable } from './source-tables.js';

/** A table as this moment's catalog has it, ready to be read. */
export interface DescribedTable {
  readonly table: BaselineTable;
  readonly decoder: RowDecoder;
  /** Columns to read, in their order. */
  readonly columns: readonly string[];
  /** Types of the key's columns as SQL, for literals; null where the table can't be read piece by piece in the key's order. */
  readonly keyTypes: readonly string[] | null;
  /** Rows, as the server last estimated them; null where it never did. */
  readonly estimatedRows: number | null;
  /** Bytes of a row, likewise. */
  readonly rowBytes: number | null;
}

interface Row {
  readonly schema: string;
  readonly name: string;
  readonly tuples: number;
  readonly bytes: string;
  readonly columns: { name: string; typeOid: number; type: string; isKept: boolean }[];
  readonly key: { name: string; type: string; isOrdered: boolean }[];
}

// Generated columns as the stream has them: stored ones where the publication says so (18), virtual ones never.
// A key is followed piece by piece only by the operators of its own index. Without OPERATOR(…) a type of an extension could be
// compared by another's: rows would be left out.
const TABLE = `
SELECT n.nspname AS schema, c.relname AS name, c.reltuples AS tuples, pg_catalog.pg_table_size(c.oid) AS bytes,
  (SELECT coalesce(json_agg(json_build_object('name', a.attname, 'typeOid', a.atttypid::bigint,
      'type', pg_catalog.format_type(a.atttypid, a.atttypmod), 'isKept', a.attgenerated = ''
        OR (a.attgenerated = 's' AND (SELECT to_jsonb(p) ->> 'pubgencols' FROM pg_catalog.pg_publication p WHERE p.pubname = $2) = 's')
    ) ORDER BY a.attnum), '[]')
   FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
  (SELECT coalesce(json_agg(json_build_object('name', a.attname, 'type', pg_catalog.format_type(a.atttypid, -1),
      'isOrdered', coalesce(o.oprname = '>' AND o.oprnamespace = 'pg_catalog'::regnamespace, false)) ORDER BY k.place), '[]')
   FROM pg_catalog.pg_index i
     CROSS JOIN LATERAL pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
     JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
     LEFT JOIN pg_catalog.pg_opclass oc ON oc.oid = i.indclass[k.place - 1]
     LEFT JOIN pg_catalog.pg_amop am ON am.amopfamily = oc.opcfamily AND am.amopstrategy = 5
       AND am.amoplefttype = oc.opcintype AND am.amoprighttype = oc.opcintype
     LEFT JOIN pg_catalog.pg_operator o ON o.oid = am.amopopr
   WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND k.place <= i.indnkeyatts) AS key
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = $1`;

/** Asks the catalog. Throws `BASELINE_INCOMPLETE` where the table is gone. */
export async function describeTable(
  session: SourceSession,
  catalog: SourceCatalog,
  publication: string,
  wanted: SourceTable,
): Promise<DescribedTable> {
  const [row] = await session.query<Row>(TABLE, [wanted.oid, publication]);
  if (row === undefined) throw tableGone(wanted);
  const kept = row.columns.filter(({ isKept }) => isKept);
  // Marked as with identity FULL: the key then is the catalog's, in its own order.
  const message: RelationMessage = {
    tag: 'relation',
    oid: wanted.oid,
    schema: row.schema,
    table: row.name,
    replicaIdentity: 'f',
    columns: kept.map(({ name, typeOid }) => ({ name, typeOid, typeModifier: -1, isKey: true })),
  };
  const decoder = await catalog.ensure(message);
  const { schema, table, partition, keyColumns } = decoder.relation;
  const hasOrder = row.key.length > 0 && row.key.every(({ isOrdered }) => isOrdered);
  const shape = [row.schema, row.name, kept.map(({ name, type }) => [name, type]), keyColumns];
  return {
    table: { oid: wanted.oid, schema, table, partition, keyColumns, columns: JSON.stringify(shape) },
    decoder,
    columns: kept.map(({ name }) => name),
    keyTypes: hasOrder && keyColumns.length === row.key.length ? row.key.map(({ type }) => type) : null,
    estimatedRows: row.tuples >= 0 ? row.tuples : null,
    rowBytes: row.tuples > 0 ? Number(row.bytes) / row.tuples : null,
  };
}

/** The table was dropped, or made anew under its name, since it was looked up. */
export function tableGone(table: SourceTable): ColophonError {
  return new ColophonError(
    'BASELINE_INCOMPLETE',
    `${nameText(table.schema, table.name)} was dropped or renamed while its baseline was taken: run it again for what there is now.`,
    { retryable: true },
  );
}
