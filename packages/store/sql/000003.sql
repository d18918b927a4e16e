-- Copies of tables as they were at a place in the log: what a row was before its first change. Nothing here is ever
-- updated: how far a copy is, is said by its chunks.

-- One row each time that a table, or one partition, was begun to be copied.
CREATE TABLE colophon.baselines (
  id                int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source_id         int NOT NULL REFERENCES colophon.sources,
  system_identifier text NOT NULL,
  relation          oid NOT NULL,
  "schema"          text COLLATE "C" NOT NULL,
  "table"           text COLLATE "C" NOT NULL,
  partition         text COLLATE "C",
  key_columns       text[] NOT NULL,
  -- Names and types, as the copier writes them: where they are others by now, a copy isn't continued.
  columns           text NOT NULL,
  started_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX baselines_relation ON colophon.baselines (source_id, relation, id);
CREATE INDEX baselines_table ON colophon.baselines ("table", id);

-- What was read under one snapshot: stored with its rows in one transaction.
CREATE TABLE colophon.baseline_chunks (
  baseline_id int NOT NULL REFERENCES colophon.baselines,
  chunk       int NOT NULL,
  timeline    int NOT NULL,
  low_lsn     pg_lsn NOT NULL,
  high_lsn    pg_lsn NOT NULL,
  snapshot    pg_snapshot NOT NULL,
  taken_at    timestamptz NOT NULL,
  rows        bigint NOT NULL,
  -- The next chunk begins after it.
  last_key    text[],
  is_last     boolean NOT NULL,
  stored_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (baseline_id, chunk)
);
CREATE UNIQUE INDEX baseline_chunks_last ON colophon.baseline_chunks (baseline_id) WHERE is_last;

CREATE TABLE colophon.baseline_rows (
  baseline_id int NOT NULL,
  chunk       int NOT NULL,
  place       int NOT NULL,
  primary_key text COLLATE "C",
  key         jsonb NOT NULL,
  -- As text, for what change_records has it so.
  after       json NOT NULL,
  PRIMARY KEY (baseline_id, chunk, place)
);
CREATE INDEX baseline_rows_key ON colophon.baseline_rows (primary_key, baseline_id);

-- Makes a source known, and says which server its records come from.
CREATE FUNCTION colophon.baseline_source(
  source_name text, source_environment text, source_database text, source_system_identifier text, source_slot text,
  OUT source_id int, OUT system_identifier text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  INSERT INTO colophon.sources (name, environment, database, system_identifier, slot)
    VALUES (source_name, source_environment, source_database, source_system_identifier, source_slot)
    ON CONFLICT DO NOTHING;
  SELECT s.id, coalesce(p.system_identifier, s.system_identifier) INTO source_id, system_identifier
    FROM colophon.sources s LEFT JOIN colophon.positions p ON p.source_id = s.id
    WHERE s.name = source_name AND s.environment = source_environment AND s.database = source_database;
END
$$;

-- Whether a change, by the columns it has in colophon.changes, is contained in what was read under a chunk's snapshot. The
-- snapshot alone is exact: a transaction's commit can stand in the log long before others see it, and the other way round
-- positions say nothing near the snapshot. But a transaction's id there has 32 bits: so positions decide where it is
-- far away (4 GiB of log hold no 2^31 transactions), and near the snapshot the id is the nearest one with these bits.
CREATE FUNCTION colophon.is_in_baseline(
  change_timeline int, change_commit_lsn pg_lsn, change_transaction_id bigint,
  chunk_timeline int, chunk_low_lsn pg_lsn, chunk_high_lsn pg_lsn, chunk_snapshot pg_snapshot) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN change_timeline <> chunk_timeline THEN change_timeline < chunk_timeline
  WHEN change_commit_lsn >= chunk_high_lsn THEN false
  WHEN pg_wal_lsn_diff(chunk_low_lsn, change_commit_lsn) > 4294967296 THEN true
  ELSE pg_visible_in_snapshot(
    greatest(3, pg_snapshot_xmax(chunk_snapshot)::text::bigint
      + ((change_transaction_id - pg_snapshot_xmax(chunk_snapshot)::text::bigint + 2147483648) & 4294967295)
      - 2147483648)::text::xid8,
    chunk_snapshot)
END;

-- The rows of every copy that is complete, each as a CREATE record of it would have it.
CREATE VIEW colophon.baseline AS
SELECT
  b.id AS baseline,
  o.name AS source,
  o.environment,
  o.database,
  b."schema",
  b."table",
  b.partition,
  r.primary_key,
  r.key,
  r.after::jsonb AS after,
  c.taken_at,
  c.timeline,
  c.low_lsn,
  c.high_lsn,
  c.snapshot,
  c.chunk,
  r.place
FROM colophon.baselines b
JOIN colophon.sources o ON o.id = b.source_id
JOIN colophon.baseline_chunks e ON e.baseline_id = b.id AND e.is_last
JOIN colophon.baseline_chunks c ON c.baseline_id = b.id
JOIN colophon.baseline_rows r ON r.baseline_id = c.baseline_id AND r.chunk = c.chunk;
