import type pg from 'pg';

/** Bemi's table of changes, by the columns and types that its migrations give it. */
export const BEMI_CHANGES = `CREATE TABLE changes (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  created_at timestamptz(0) NOT NULL,
  primary_key varchar(255),
  before jsonb NOT NULL DEFAULT '{}',
  after jsonb NOT NULL DEFAULT '{}',
  context jsonb NOT NULL DEFAULT '{}',
  database varchar(255) NOT NULL,
  schema varchar(255) NOT NULL,
  "table" varchar(255) NOT NULL,
  operation text NOT NULL CHECK (operation IN ('CREATE', 'UPDATE', 'DELETE', 'TRUNCATE', 'MESSAGE')),
  committed_at timestamptz(0) NOT NULL,
  queued_at timestamptz(0) NOT NULL,
  transaction_id int NOT NULL,
  position bigint NOT NULL,
  UNIQUE (position, "table", schema, database)
);
CREATE INDEX ON changes (committed_at);`;

/** Triggers that do what those of Bemi's packages do: each row that a statement with its comment writes is told of by a message of its own, before it. */
export const BEMI_TRIGGERS = `CREATE FUNCTION _bemi_row_trigger_func() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  told text := substring(current_query() FROM '/[*]Bemi (.*) Bemi[*]/');
BEGIN
  IF told IS NOT NULL THEN PERFORM pg_logical_emit_message(true, '_bemi', told); END IF;
  RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE PROCEDURE _bemi_create_triggers() LANGUAGE plpgsql AS $$
DECLARE
  named text;
BEGIN
  FOR named IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW
      EXECUTE FUNCTION _bemi_row_trigger_func()', '_bemi_row_trigger_' || named, named);
  END LOOP;
END $$;
CREATE FUNCTION _bemi_create_table_trigger_func() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  CALL _bemi_create_triggers();
END $$;
CREATE EVENT TRIGGER _bemi_create_table_trigger ON ddl_command_end WHEN TAG IN ('CREATE TABLE')
  EXECUTE FUNCTION _bemi_create_table_trigger_func();
CALL _bemi_create_triggers();`;

/** What of a row of Bemi's a test says; the rest is made up. */
export interface BemiRow {
  id?: string;
  operation?: string;
  table?: string;
  database?: string;
  key?: string | null;
  before?: object;
  after?: object;
  context?: object;
  committedAt: string;
  position: number;
  transaction?: number;
}

/** Adds rows as Bemi's worker would. */
export async function addBemiRows(client: pg.Client, rows: readonly BemiRow[]): Promise<void> {
  for (const row of rows) {
    await client.query(
      `INSERT INTO changes (id, created_at, primary_key, before, after, context, database, schema, "table", operation,
         committed_at, queued_at, transaction_id, position)
       VALUES (coalesce($1::uuid, gen_random_uuid()), $2::timestamptz + interval '9 s', $3, $4, $5, $6, $7, 'public', $8, $9,
         $2::timestamptz, $2::timestamptz + interval '3 s', $10, $11)`,
      [
        row.id ?? null,
        row.committedAt,
        row.key === undefined ? '7' : row.key,
        row.before ?? {},
        row.after ?? {},
        row.context ?? {},
        row.database ?? 'app',
        row.table ?? 'todo',
        row.operation ?? 'UPDATE',
        row.transaction ?? 700,
        row.position,
      ],
    );
  }
}
