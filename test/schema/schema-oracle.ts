import type pg from 'pg';

/** A row as a trigger saw it, under the names of that moment. */
export interface WrittenRow {
  readonly xid: string;
  readonly operation: string;
  readonly schema: string;
  readonly table: string;
  readonly partition: string | null;
  readonly before: unknown;
  readonly after: unknown;
}

/** Records what is written, whatever happens to the tables meanwhile. In a schema that nothing publishes. */
export const SCHEMA_ORACLE = `
CREATE SCHEMA oracle;
CREATE TABLE oracle.written (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, xid bigint NOT NULL, operation text NOT NULL,
  "schema" text NOT NULL, "table" text NOT NULL, partition text, before jsonb NOT NULL, after jsonb NOT NULL);
CREATE FUNCTION oracle.record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET TimeZone = 'UTC' AS $$
DECLARE
  root regclass := coalesce(pg_partition_root(TG_RELID), TG_RELID);
BEGIN
  INSERT INTO oracle.written (xid, operation, "schema", "table", partition, before, after)
  SELECT (pg_current_xact_id()::text::numeric % 4294967296)::bigint, CASE TG_OP WHEN 'INSERT' THEN 'CREATE' ELSE TG_OP END,
    n.nspname, c.relname,
    CASE WHEN root <> TG_RELID THEN CASE WHEN TG_TABLE_SCHEMA <> n.nspname THEN TG_TABLE_SCHEMA || '.' ELSE '' END || TG_TABLE_NAME END,
    CASE WHEN TG_OP IN ('UPDATE', 'DELETE') THEN to_jsonb(OLD) ELSE '{}' END,
    CASE WHEN TG_OP IN ('UPDATE', 'INSERT') THEN to_jsonb(NEW) ELSE '{}' END
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = root;
  RETURN NULL;
END $$;`;

/** The statements that let the triggers watch a table, and have it published with its whole rows. */
export function watch(table: string, publication = 'colophon'): string {
  return `CREATE TRIGGER oracle AFTER INSERT OR UPDATE OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION oracle.record();
    ALTER TABLE ${table} REPLICA IDENTITY FULL; ALTER PUBLICATION ${publication} ADD TABLE ${table}`;
}

/** What the triggers saw, in the order of writing. */
export async function writtenRows(client: pg.Client): Promise<WrittenRow[]> {
  const { rows } = await client.query(
    `SELECT xid::text, operation, "schema", "table", partition, before, after FROM oracle.written ORDER BY id`,
  );
  return rows;
}

/** What is stored of it, likewise. */
export async function storedRows(client: pg.Client): Promise<WrittenRow[]> {
  const { rows } = await client.query(
    `SELECT transaction_id::text AS xid, operation, "schema", "table", partition, before, after
     FROM colophon.changes ORDER BY seq`,
  );
  return rows;
}

/** By transaction, so that the order of those that ran at the same time doesn't matter. */
export function byTransaction(rows: readonly WrittenRow[]): Record<string, WrittenRow[]> {
  const found: Record<string, WrittenRow[]> = {};
  for (const row of rows) (found[row.xid] ??= []).push(row);
  return found;
}
