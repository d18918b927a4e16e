import type { RememberedRelation } from '@colophon/protocol';
import type { Queryable } from '../migrate/store-version.js';

/** The tables of a source that were seen earlier, as they were called then, with their keys. */
export async function recallRelations(client: Queryable, sourceId: number): Promise<RememberedRelation[]> {
  const { rows } = await client.query(
    `SELECT oid::bigint::text AS oid, "schema", "table", root_schema, root_table, key_columns
     FROM colophon.relations WHERE source_id = $1 ORDER BY relations.oid`,
    [sourceId],
  );
  return rows.map((row) => ({
    oid: Number(row.oid),
    schema: row.schema as string,
    table: row.table as string,
    rootSchema: row.root_schema as string | null,
    rootTable: row.root_table as string | null,
    keyColumns: row.key_columns as string[],
  }));
}
