import type { Connection } from './connect.js';
import type { RelationKind, RelationState, ReplicaIdentity } from './source-state.js';
import type { TableName } from './table-name.js';

interface Row {
  oid: number;
  schema: string;
  name: string;
  kind: string;
  persistence: string;
  is_partition: boolean;
  parents: number[];
  owner: string;
  is_owned: boolean;
  is_of_extension: boolean;
  identity: string;
  identity_index: string | null;
  indexes: string[];
  has_key: boolean;
  virtual_columns: string[];
}

const KINDS: Record<string, RelationKind> = {
  r: 'table',
  p: 'partitioned table',
  v: 'view',
  m: 'materialized view',
  f: 'foreign table',
};
const PERSISTENCE: Record<string, RelationState['persistence']> = {
  p: 'permanent',
  u: 'unlogged',
  t: 'temporary',
};
const IDENTITIES: Record<string, ReplicaIdentity> = { d: 'default', f: 'full', i: 'index', n: 'nothing' };

/** The relations outside PostgreSQL's own schemas, and the named ones anywhere, sorted by schema and name. */
export async function inspectRelations(
  connection: Connection,
  named: readonly TableName[],
): Promise<RelationState[]> {
  const rows = await connection.query<Row>(
    `SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind, c.relpersistence AS persistence,
            c.relispartition AS is_partition,
            ARRAY(SELECT i.inhparent::oid FROM pg_inherits i WHERE i.inhrelid = c.oid ORDER BY i.inhseqno) AS parents,
            pg_get_userbyid(c.relowner) AS owner, pg_has_role(c.relowner, 'USAGE') AS is_owned,
            EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                       AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e') AS is_of_extension,
            c.relreplident AS identity,
            (SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
              WHERE i.indrelid = c.oid AND i.indisreplident AND i.indisvalid) AS identity_index,
            ARRAY(SELECT x.relname::text FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
                   WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid
                   ORDER BY 1) AS indexes,
            EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate
                       AND i.indisvalid) AS has_key,
            ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
                     AND NOT a.attisdropped AND a.attgenerated = 'v' ORDER BY a.attnum) AS virtual_columns
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND ((n.nspname <> 'information_schema' AND n.nspname !~ '^pg_')
             OR (n.nspname, c.relname) IN (SELECT * FROM unnest($1::text[], $2::text[])))
      ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`,
    [named.map((table) => table.schema), named.map((table) => table.name)],
  );
  return rows.map((row) => ({
    oid: row.oid,
    schema: row.schema,
    name: row.name,
    kind: KINDS[row.kind]!,
    persistence: PERSISTENCE[row.persistence]!,
    isPartition: row.is_partition,
    parents: row.parents.map(Number),
    owner: row.owner,
    isOwned: row.is_owned,
    isOfExtension: row.is_of_extension,
    identity: IDENTITIES[row.identity]!,
    identityIndex: row.identity_index,
    indexes: row.indexes,
    hasKey: row.has_key,
    virtualColumns: row.virtual_columns,
  }));
}
