-- Commands that changed a source's schema or publication, with the context in force. Few, so in one table; the context
-- stands in each row, so that it outlives the partitions of changes.
CREATE TABLE colophon.ddl_records (
  -- Of the same numbers as those of changes: one order.
  seq            bigint NOT NULL,
  source_id      int NOT NULL REFERENCES colophon.sources,
  committed_at   timestamptz NOT NULL,
  queued_at      timestamptz NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  timeline       int NOT NULL,
  commit_lsn     pg_lsn NOT NULL,
  transaction_id bigint NOT NULL,
  ordinal        int NOT NULL,
  sequence       int NOT NULL,
  position       bigint NOT NULL,
  command        text COLLATE "C" NOT NULL,
  object_type    text COLLATE "C",
  "schema"       text COLLATE "C",
  identity       text COLLATE "C",
  table_oid      oid,
  is_drop        boolean NOT NULL,
  role           text COLLATE "C",
  verified       boolean,
  context        jsonb NOT NULL,
  PRIMARY KEY (seq)
);
CREATE INDEX ddl_records_table ON colophon.ddl_records (source_id, table_oid, seq);
CREATE INDEX ddl_records_time ON colophon.ddl_records (committed_at);

-- The read contract.
CREATE VIEW colophon.ddl AS
SELECT
  d.seq,
  o.name AS source,
  o.environment,
  o.database,
  d.command,
  d.object_type,
  d."schema",
  d.identity,
  d.table_oid,
  d.is_drop,
  d.role,
  d.context,
  d.verified,
  d.committed_at,
  d.queued_at,
  d.created_at,
  d.transaction_id,
  d.position,
  d.commit_lsn,
  d.timeline,
  d.sequence,
  d.ordinal
FROM colophon.ddl_records d
LEFT JOIN colophon.sources o ON o.id = d.source_id;

-- Stores one command, or keeps it where it can't be stored: gives '', or the SQLSTATE by which it was refused. A context that
-- can't be stored is kept with its segment, and the command gets one that says so. `its_record`: its columns as JSON in UTF-8.
CREATE FUNCTION colophon.store_ddl(
  for_source int, its_seq bigint, its_segment bigint, its_committed_at timestamptz, its_queued_at timestamptz,
  its_timeline int, its_commit_lsn pg_lsn, its_transaction_id bigint, its_record bytea, its_context bytea) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  state text := '';
BEGIN
  FOR attempt IN 1 .. 2 LOOP
    BEGIN
      INSERT INTO colophon.ddl_records (seq, source_id, committed_at, queued_at, timeline, commit_lsn, transaction_id,
        ordinal, sequence, position, command, object_type, "schema", identity, table_oid, is_drop, role, context)
      SELECT its_seq, for_source, its_committed_at, its_queued_at, its_timeline, its_commit_lsn, its_transaction_id,
        r.ordinal, r.sequence, r.position, r.command, r.object_type, r."schema", r.identity, r.table_oid, r.is_drop, r.role,
        CASE attempt WHEN 1 THEN convert_from(its_context, 'UTF8')::jsonb ELSE jsonb_build_object('colophon.error',
          format('the context could not be stored (SQLSTATE %s); it is in colophon.unstored', state)) END
      FROM json_to_record(convert_from(its_record, 'UTF8')::json) AS r(ordinal int, sequence int, position bigint,
        command text, object_type text, "schema" text, identity text, table_oid oid, is_drop boolean, role text);
      RETURN '';
    EXCEPTION
      WHEN unique_violation THEN
        RAISE;
      WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded OR internal_error THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
        IF state LIKE 'XX%' AND (state <> 'XX000' OR octet_length(its_context) < 32 * 1024 * 1024) THEN
          RAISE;
        END IF;
    END;
  END LOOP;
  RETURN colophon.keep_unstored(for_source, its_segment, its_committed_at, 'ddl', state, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, its_record, its_seq => its_seq);
END
$$;

-- The publication was changed: from here on it doesn't give all changes of these tables (NULL: of any), or does again. A gap
-- is recorded when it begins, without an end, and again with its end.
CREATE FUNCTION colophon.note_coverage(
  for_source int, of_tables text[], is_whole boolean, of_system text, of_timeline int, at_lsn pg_lsn, what text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  opened colophon.gap_records;
BEGIN
  SELECT g.* INTO opened FROM colophon.gap_records g
    WHERE g.source_id = for_source AND g.reason = 'publication-changed' AND g.tables IS NOT DISTINCT FROM of_tables
    ORDER BY g.id DESC LIMIT 1;
  IF NOT is_whole AND (opened.id IS NULL OR opened.to_lsn IS NOT NULL) THEN
    PERFORM colophon.add_gap(for_source, 'publication-changed', at_lsn, NULL, of_timeline, NULL, of_system, NULL, of_tables,
      format('%s: changes from here on are not all received.', what), NULL);
  ELSIF is_whole AND opened.id IS NOT NULL AND opened.to_lsn IS NULL THEN
    PERFORM colophon.add_gap(for_source, 'publication-changed', opened.from_lsn, at_lsn, opened.from_timeline, of_timeline,
      opened.from_system_identifier, of_system, of_tables, format('%s: all changes are received again.', what), NULL);
  END IF;
END
$$;
