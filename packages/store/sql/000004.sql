-- What PostgreSQL refused to store as it was: kept as bytes, so that it is not lost and holds nothing up. A row takes the
-- place in `seq` that its change would have had.
CREATE TABLE colophon.unstored_records (
  seq          bigint PRIMARY KEY,
  source_id    int NOT NULL REFERENCES colophon.sources,
  segment_id   bigint NOT NULL,
  committed_at timestamptz NOT NULL,
  -- 'change', or 'context': then the changes are stored, with a context that says so.
  what         text NOT NULL,
  sqlstate     text NOT NULL,
  -- Of a change; null for a context.
  id           uuid UNIQUE,
  position     bigint,
  sequence     int,
  operation    text COLLATE "C",
  "schema"     text COLLATE "C",
  "table"      text COLLATE "C",
  partition    text COLLATE "C",
  primary_key  text COLLATE "C",
  -- UTF-8 whatever the encoding of this database: of a change {"key":…,"before":…,"after":…}, of a context itself.
  -- Of more than 64 MiB only the beginning: length and SHA-256 are those of the whole.
  data         bytea NOT NULL,
  data_length  bigint NOT NULL,
  data_sha256  bytea NOT NULL
);
CREATE INDEX unstored_records_source ON colophon.unstored_records (source_id, seq);

-- A text given as UTF-8; where this database's encoding can't hold it, with its bytes as \ooo.
CREATE FUNCTION colophon.readable_text(utf8 bytea) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN convert_from(utf8, 'UTF8');
EXCEPTION WHEN data_exception THEN
  RETURN encode(utf8, 'escape');
END
$$;

-- Keeps what can't be stored. `whole_length` and `whole_sha256`: of the whole, where `data` is only its beginning.
CREATE FUNCTION colophon.keep_unstored(
  for_source int, its_segment bigint, its_committed_at timestamptz, its_what text, its_sqlstate text, its_id uuid,
  its_position bigint, its_sequence int, its_operation text, its_schema bytea, its_table bytea, its_partition bytea,
  its_primary_key bytea, its_data bytea, whole_length bigint DEFAULT NULL, whole_sha256 bytea DEFAULT NULL,
  its_seq bigint DEFAULT nextval('colophon.change_seq')) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  INSERT INTO colophon.unstored_records (seq, source_id, segment_id, committed_at, what, sqlstate, id, position,
    sequence, operation, "schema", "table", partition, primary_key, data, data_length, data_sha256)
  VALUES (its_seq, for_source, its_segment, its_committed_at, its_what, its_sqlstate, its_id, its_position,
    its_sequence, its_operation, colophon.readable_text(its_schema), colophon.readable_text(its_table),
    colophon.readable_text(its_partition), colophon.readable_text(its_primary_key),
    substr(its_data, 1, 64 * 1024 * 1024), coalesce(whole_length, octet_length(its_data)),
    coalesce(whole_sha256, sha256(its_data)));
  -- It is counted with the changes of its flush, and isn't one.
  IF its_what = 'change' THEN
    UPDATE colophon.positions SET changes = changes - 1 WHERE source_id = for_source;
  END IF;
  RETURN its_sqlstate;
END
$$;

-- Stores one change, or keeps it where it can't be stored: gives '', or the SQLSTATE by which it was refused. Texts come
-- as UTF-8 bytes, so that none can make the call itself fail. What the view couldn't show is refused, too.
CREATE FUNCTION colophon.store_change(
  for_source int, its_segment bigint, its_committed_at timestamptz, its_id uuid, its_position bigint,
  its_sequence int, its_operation text, its_schema bytea, its_table bytea, its_partition bytea,
  its_primary_key bytea, its_key bytea, its_old_key bytea, its_before bytea, its_after bytea,
  its_unchanged bytea[]) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  its_seq bigint := nextval('colophon.change_seq');
  state text;
BEGIN
  BEGIN
    PERFORM convert_from(its_before, 'UTF8')::jsonb, convert_from(its_after, 'UTF8')::jsonb;
    INSERT INTO colophon.change_records (committed_at, segment_id, seq, position, sequence, id, operation, "schema",
      "table", partition, primary_key, key, old_key, before, after, unchanged)
    VALUES (its_committed_at, its_segment, its_seq, its_position, its_sequence, its_id, its_operation,
      convert_from(its_schema, 'UTF8'), convert_from(its_table, 'UTF8'), convert_from(its_partition, 'UTF8'),
      convert_from(its_primary_key, 'UTF8'), convert_from(its_key, 'UTF8')::jsonb,
      convert_from(its_old_key, 'UTF8')::jsonb, convert_from(its_before, 'UTF8')::json,
      convert_from(its_after, 'UTF8')::json,
      CASE WHEN its_unchanged IS NOT NULL THEN
        ARRAY(SELECT convert_from(u.name, 'UTF8') FROM unnest(its_unchanged) WITH ORDINALITY AS u(name, n) ORDER BY u.n)
      END);
    RETURN '';
  EXCEPTION
    WHEN unique_violation THEN
      RAISE;
    WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded OR internal_error THEN
      GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
      -- An allocation too large for the server. Of a smaller record it would be the store's trouble: its quota, damage.
      IF state LIKE 'XX%' AND (state <> 'XX000' OR octet_length(its_before) + octet_length(its_after) < 32 * 1024 * 1024) THEN
        RAISE;
      END IF;
  END;
  RETURN colophon.keep_unstored(for_source, its_segment, its_committed_at, 'change', state, its_id, its_position,
    its_sequence, its_operation, its_schema, its_table, its_partition, its_primary_key,
    convert_to('{"key":', 'UTF8') || its_key || convert_to(',"before":', 'UTF8') || its_before ||
      convert_to(',"after":', 'UTF8') || its_after || convert_to('}', 'UTF8'),
    its_seq => its_seq);
END
$$;

-- Stores one segment, likewise: a context that can't be stored is kept, and its changes get one that says so.
CREATE FUNCTION colophon.store_segment(
  for_source int, its_id bigint, its_committed_at timestamptz, its_timeline int, its_commit_lsn pg_lsn,
  its_transaction_id bigint, its_queued_at timestamptz, its_context bytea) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  state text := '';
  storable jsonb;
BEGIN
  LOOP
    BEGIN
      storable := CASE WHEN state = '' THEN convert_from(its_context, 'UTF8')::jsonb ELSE jsonb_build_object(
        'colophon.error', format('the context could not be stored (SQLSTATE %s); it is in colophon.unstored', state)) END;
      INSERT INTO colophon.segments (id, committed_at, source_id, timeline, commit_lsn, transaction_id, queued_at, context)
      VALUES (its_id, its_committed_at, for_source, its_timeline, its_commit_lsn, its_transaction_id, its_queued_at,
        storable);
      EXIT;
    EXCEPTION
      WHEN unique_violation THEN
        RAISE;
      WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded OR internal_error THEN
        -- With the other context it was not the context.
        IF state <> '' THEN
          RAISE;
        END IF;
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
        IF state LIKE 'XX%' AND (state <> 'XX000' OR octet_length(its_context) < 32 * 1024 * 1024) THEN
          RAISE;
        END IF;
    END;
  END LOOP;
  IF state <> '' THEN
    PERFORM colophon.keep_unstored(for_source, its_id, its_committed_at, 'context', state, NULL, NULL, NULL, NULL, NULL,
      NULL, NULL, NULL, its_context);
  END IF;
  RETURN state;
END
$$;

-- The read contract of what could not be stored.
CREATE VIEW colophon.unstored AS
SELECT
  u.id,
  u.seq,
  u.what,
  u.sqlstate,
  o.name AS source,
  o.environment,
  o.database,
  u."schema",
  u."table",
  u.partition,
  u.primary_key,
  u.operation,
  s.context,
  u.committed_at,
  s.queued_at,
  s.created_at,
  s.transaction_id,
  u.position,
  s.commit_lsn,
  s.timeline,
  u.sequence,
  u.data,
  u.data_length,
  u.data_sha256
FROM colophon.unstored_records u
LEFT JOIN colophon.segments s ON s.id = u.segment_id AND s.committed_at = u.committed_at
LEFT JOIN colophon.sources o ON o.id = u.source_id;
