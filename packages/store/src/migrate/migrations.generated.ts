// Generated from sql/ by scripts/embed-sql.mjs: change it there.

/** A step of the store's schema. */
export interface Migration {
  readonly version: number;
  readonly sql: string;
}

/** Every step, oldest first. */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    sql: `-- The store of audit records. Runs once, inside the transaction of migrateStore(), which has made the schema
-- "colophon" and the table "migrations".

-- Who is audited: one row a source, as it calls itself.
CREATE TABLE colophon.sources (
  id                int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name              text NOT NULL,
  environment       text NOT NULL,
  database          text NOT NULL,
  system_identifier text NOT NULL,
  slot              text NOT NULL,
  created_at        timestamptz NOT NULL DEFAULT now(),
  UNIQUE (name, environment, database)
);

-- How far each source is stored. A table of its own with room in its pages, since each flush updates one row of it
-- and nothing else that is updated should be near.
CREATE TABLE colophon.positions (
  source_id         int PRIMARY KEY REFERENCES colophon.sources,
  -- Counts the flushes. A consumer that saw another number than this has been overtaken, and must not store anything.
  version           bigint NOT NULL DEFAULT 0,
  system_identifier text,
  timeline          int,
  commit_lsn        pg_lsn,
  end_lsn           pg_lsn,
  -- Of the source's last change, as far as there is one.
  last_seq          bigint,
  last_committed_at timestamptz,
  -- All that were ever stored; retention doesn't lower it.
  changes           bigint NOT NULL DEFAULT 0,
  stored_at         timestamptz
) WITH (fillfactor = 20);

-- Tables' keys as last seen in the source's catalog.
CREATE TABLE colophon.relations (
  source_id   int NOT NULL REFERENCES colophon.sources,
  oid         oid NOT NULL,
  "schema"    text NOT NULL,
  "table"     text NOT NULL,
  root_schema text,
  root_table  text,
  key_columns text[] NOT NULL,
  PRIMARY KEY (source_id, oid)
);

-- Consumers number segments by themselves, 2^32 to a block; each opening takes a block of its own.
CREATE SEQUENCE colophon.segment_block;
-- Not cached: so the numbers of sources that write at the same time are in the order of writing.
CREATE SEQUENCE colophon.change_seq;

-- What the changes of a transaction that share a context have in common. A context is stored once a segment, not once
-- a change. Written after its changes, in the same database transaction: contexts are known only at a transaction's end.
CREATE TABLE colophon.segments (
  id             bigint NOT NULL,
  committed_at   timestamptz NOT NULL,
  source_id      int NOT NULL,
  timeline       int NOT NULL,
  commit_lsn     pg_lsn NOT NULL,
  transaction_id bigint NOT NULL,
  queued_at      timestamptz NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  verified       boolean,
  context        jsonb NOT NULL,
  PRIMARY KEY (id, committed_at)
) PARTITION BY RANGE (committed_at);

-- One row a change. Texts are compared by bytes (collation "C"): faster, and no collation of the system can change it.
CREATE TABLE colophon.change_records (
  committed_at timestamptz NOT NULL,
  segment_id   bigint NOT NULL,
  seq          bigint NOT NULL DEFAULT nextval('colophon.change_seq'),
  position     bigint NOT NULL,
  sequence     int NOT NULL,
  id           uuid NOT NULL,
  operation    text COLLATE "C" NOT NULL,
  "schema"     text COLLATE "C" NOT NULL,
  "table"      text COLLATE "C" NOT NULL,
  partition    text COLLATE "C",
  primary_key  text COLLATE "C",
  key          jsonb NOT NULL,
  -- The key before an UPDATE that changed it, else null: so that a row's history is found by any key it ever had.
  old_key      jsonb,
  -- Checked, but kept as text: making jsonb of them is a third of all that storing costs, and most are never looked at. The
  -- view does it.
  before       json NOT NULL,
  after        json NOT NULL,
  unchanged    text[],
  PRIMARY KEY (id, committed_at)
) PARTITION BY RANGE (committed_at);

CREATE TABLE colophon.segments_default PARTITION OF colophon.segments DEFAULT;
CREATE TABLE colophon.change_records_default PARTITION OF colophon.change_records DEFAULT;

-- One row's history; a key that changed; a table's latest; the one order; a time range, and a segment's changes.
CREATE INDEX change_records_history ON colophon.change_records ("table", primary_key, committed_at);
CREATE INDEX change_records_old_key ON colophon.change_records USING gin (old_key jsonb_path_ops) WHERE old_key IS NOT NULL;
CREATE INDEX change_records_table ON colophon.change_records ("table", seq);
CREATE INDEX change_records_seq ON colophon.change_records (seq);
CREATE INDEX change_records_time ON colophon.change_records (committed_at, segment_id);
-- A key of the context; a transaction.
CREATE INDEX segments_context ON colophon.segments USING gin (context jsonb_path_ops);
CREATE INDEX segments_transaction ON colophon.segments (transaction_id);

-- Makes the partitions of last month, this month and \`ahead\` more, and says how many were new. A month of which rows
-- lie in the default partition already stays there.
CREATE FUNCTION colophon.make_partitions(ahead int DEFAULT 3) RETURNS int
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
AS $$
DECLARE
  parent text;
  leaf text;
  month timestamptz;
  made int := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('colophon.make_partitions'));
  FOR i IN -1 .. ahead LOOP
    month := date_trunc('month', now()) + i * interval '1 month';
    FOREACH parent IN ARRAY ARRAY['segments', 'change_records'] LOOP
      leaf := parent || to_char(month, '"_"YYYY"_"MM');
      CONTINUE WHEN to_regclass(format('colophon.%I', leaf)) IS NOT NULL;
      BEGIN
        -- ATTACH lets others read and write meanwhile; CREATE TABLE ... PARTITION OF would lock them out.
        EXECUTE format('CREATE TABLE colophon.%I (LIKE colophon.%I INCLUDING ALL)', leaf, parent);
        EXECUTE format('ALTER TABLE colophon.%I ATTACH PARTITION colophon.%I FOR VALUES FROM (%L) TO (%L)',
                       parent, leaf, month, month + interval '1 month');
        made := made + 1;
      EXCEPTION WHEN check_violation THEN
        NULL;
      END;
    END LOOP;
  END LOOP;
  RETURN made;
END
$$;

-- Makes a source known, and says how far it is stored. Waits for a flush of this source that is just being committed.
CREATE FUNCTION colophon.open_source(
  source_name text, source_environment text, source_database text, source_system_identifier text, source_slot text,
  OUT source_id int, OUT version bigint, OUT system_identifier text, OUT timeline int,
  OUT commit_lsn pg_lsn, OUT end_lsn pg_lsn, OUT segment_block bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  LOOP
    SELECT s.id INTO source_id FROM colophon.sources s
      WHERE s.name = source_name AND s.environment = source_environment AND s.database = source_database;
    EXIT WHEN FOUND;
    INSERT INTO colophon.sources (name, environment, database, system_identifier, slot)
      VALUES (source_name, source_environment, source_database, source_system_identifier, source_slot)
      ON CONFLICT DO NOTHING;
  END LOOP;
  UPDATE colophon.sources s SET system_identifier = source_system_identifier, slot = source_slot
    WHERE s.id = open_source.source_id AND (s.system_identifier, s.slot) <> (source_system_identifier, source_slot);
  INSERT INTO colophon.positions (source_id) VALUES (open_source.source_id) ON CONFLICT DO NOTHING;
  SELECT p.version, p.system_identifier, p.timeline, p.commit_lsn, p.end_lsn
    INTO version, system_identifier, timeline, commit_lsn, end_lsn
    FROM colophon.positions p WHERE p.source_id = open_source.source_id FOR UPDATE;
  segment_block := nextval('colophon.segment_block');
END
$$;

-- Moves a source's position, if nobody has since \`seen_version\`; otherwise fails, and all of the transaction with it.
CREATE FUNCTION colophon.advance_position(
  for_source int, seen_version bigint, new_system_identifier text, new_timeline int, new_commit_lsn pg_lsn,
  new_end_lsn pg_lsn, new_changes bigint, newest_committed_at timestamptz) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  UPDATE colophon.positions SET
    version = version + 1,
    system_identifier = new_system_identifier,
    timeline = new_timeline,
    commit_lsn = new_commit_lsn,
    end_lsn = new_end_lsn,
    last_seq = CASE WHEN new_changes > 0 THEN currval('colophon.change_seq') ELSE last_seq END,
    last_committed_at = coalesce(newest_committed_at, last_committed_at),
    changes = changes + new_changes,
    stored_at = clock_timestamp()
  WHERE source_id = for_source AND version = seen_version;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the position of source % was moved by another consumer', for_source USING ERRCODE = 'CP001';
  END IF;
END
$$;

-- The read contract. The joins are outer ones though every change has its segment and source: two equalities joined
-- would be estimated as next to no rows, and the planner would then read and sort everything for a LIMIT.
CREATE VIEW colophon.changes AS
SELECT
  r.id,
  r.seq,
  o.name AS source,
  o.environment,
  o.database,
  r."schema",
  r."table",
  r.partition,
  r.primary_key,
  r.key,
  r.operation,
  r.before::jsonb AS before,
  r.after::jsonb AS after,
  coalesce(r.unchanged, '{}'::text[]) AS unchanged,
  s.context,
  s.verified,
  r.committed_at,
  s.queued_at,
  s.created_at,
  s.transaction_id,
  r.position,
  s.commit_lsn,
  s.timeline,
  r.sequence
FROM colophon.change_records r
LEFT JOIN colophon.segments s ON s.id = r.segment_id AND s.committed_at = r.committed_at
LEFT JOIN colophon.sources o ON o.id = s.source_id;
`,
  },
  {
    version: 2,
    sql: `-- The completeness ledger: how far each source's log is stored or accounted for, and the gaps in it.

-- Everything of the source's log before it is stored, or holds nothing to store, or lies in a gap. It may be on another
-- timeline, or of another system, than the last stored transaction.
ALTER TABLE colophon.positions
  ADD COLUMN accounted_system_identifier text,
  ADD COLUMN accounted_timeline int,
  ADD COLUMN accounted_lsn pg_lsn;

-- Where \`init\` made each slot: what a source's ledger begins with.
CREATE TABLE colophon.slots (
  system_identifier text NOT NULL,
  database          text NOT NULL,
  slot              text NOT NULL,
  timeline          int NOT NULL,
  start_lsn         pg_lsn NOT NULL,
  made_at           timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (system_identifier, database, slot)
);

-- Only ever added to.
CREATE TABLE colophon.gap_records (
  id                     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source_id              int NOT NULL REFERENCES colophon.sources,
  reason                 text NOT NULL,
  from_lsn               pg_lsn,
  to_lsn                 pg_lsn,
  from_timeline          int,
  to_timeline            int,
  from_system_identifier text,
  to_system_identifier   text,
  last_committed_at      timestamptz,
  tables                 text[],
  detail                 text NOT NULL,
  approved_by            text,
  detected_at            timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE VIEW colophon.gaps AS
SELECT g.id, o.name AS source, o.environment, o.database, g.reason, g.from_lsn, g.to_lsn, g.from_timeline, g.to_timeline,
  g.from_system_identifier, g.to_system_identifier, g.last_committed_at, g.tables, g.detail, g.approved_by, g.detected_at
FROM colophon.gap_records g JOIN colophon.sources o ON o.id = g.source_id;

-- Adds a gap to a source, unless it is there already; says whether it was new.
CREATE FUNCTION colophon.add_gap(
  for_source int, of_reason text, new_from_lsn pg_lsn, new_to_lsn pg_lsn, new_from_timeline int, new_to_timeline int,
  new_from_system text, new_to_system text, of_tables text[], new_detail text, approver text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  INSERT INTO colophon.gap_records (source_id, reason, from_lsn, to_lsn, from_timeline, to_timeline,
    from_system_identifier, to_system_identifier, last_committed_at, tables, detail, approved_by)
  SELECT for_source, of_reason, new_from_lsn, new_to_lsn, new_from_timeline, new_to_timeline, new_from_system,
    new_to_system, (SELECT last_committed_at FROM colophon.positions WHERE source_id = for_source), of_tables, new_detail,
    approver
  WHERE NOT EXISTS (SELECT FROM colophon.gap_records WHERE source_id = for_source
    AND (reason, from_lsn, to_lsn, from_timeline, to_timeline, from_system_identifier, to_system_identifier, tables)
      IS NOT DISTINCT FROM
      (of_reason, new_from_lsn, new_to_lsn, new_from_timeline, new_to_timeline, new_from_system, new_to_system, of_tables));
  RETURN FOUND;
END
$$;

-- How far a source is accounted for. One that is new takes over from whoever read the slot before under another name, or
-- begins where \`init\` made the slot.
CREATE FUNCTION colophon.accounted_position(
  for_source int, source_system_identifier text, source_slot text,
  OUT system_identifier text, OUT timeline int, OUT lsn pg_lsn)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  SELECT p.accounted_system_identifier, p.accounted_timeline, p.accounted_lsn INTO system_identifier, timeline, lsn
    FROM colophon.positions p WHERE p.source_id = for_source;
  IF lsn IS NOT NULL THEN RETURN; END IF;
  SELECT known.system_identifier, known.timeline, known.lsn INTO system_identifier, timeline, lsn FROM (
    SELECT p.accounted_system_identifier AS system_identifier, p.accounted_timeline AS timeline, p.accounted_lsn AS lsn
      FROM colophon.sources o JOIN colophon.sources same ON same.database = o.database
      JOIN colophon.positions p ON p.source_id = same.id
      WHERE o.id = for_source AND same.slot = source_slot
        AND p.accounted_system_identifier = source_system_identifier
    UNION ALL
    SELECT s.system_identifier, s.timeline, s.start_lsn
      FROM colophon.sources o JOIN colophon.slots s ON s.database = o.database
      WHERE o.id = for_source AND s.slot = source_slot AND s.system_identifier = source_system_identifier
  ) known ORDER BY known.timeline DESC, known.lsn DESC LIMIT 1;
END
$$;

-- Moves the accounted position, if nobody has moved the source since \`seen_version\`; forward only, unless it is told that
-- it may go back.
CREATE FUNCTION colophon.account_position(
  for_source int, seen_version bigint, new_system_identifier text, new_timeline int, new_lsn pg_lsn,
  may_go_back boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  UPDATE colophon.positions SET
    version = version + 1,
    accounted_lsn = CASE
      WHEN NOT may_go_back AND accounted_timeline = new_timeline AND accounted_system_identifier = new_system_identifier
      THEN greatest(accounted_lsn, new_lsn) ELSE new_lsn END,
    accounted_system_identifier = new_system_identifier,
    accounted_timeline = new_timeline
  WHERE source_id = for_source AND version = seen_version;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the position of source % was moved by another consumer', for_source USING ERRCODE = 'CP001';
  END IF;
END
$$;

-- As before; and what is stored is accounted for.
CREATE OR REPLACE FUNCTION colophon.advance_position(
  for_source int, seen_version bigint, new_system_identifier text, new_timeline int, new_commit_lsn pg_lsn,
  new_end_lsn pg_lsn, new_changes bigint, newest_committed_at timestamptz) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  UPDATE colophon.positions SET
    version = version + 1,
    system_identifier = new_system_identifier,
    timeline = new_timeline,
    commit_lsn = new_commit_lsn,
    end_lsn = new_end_lsn,
    accounted_lsn = CASE
      WHEN accounted_timeline = new_timeline AND accounted_system_identifier = new_system_identifier
      THEN greatest(accounted_lsn, new_end_lsn) ELSE new_end_lsn END,
    accounted_system_identifier = new_system_identifier,
    accounted_timeline = new_timeline,
    last_seq = CASE WHEN new_changes > 0 THEN currval('colophon.change_seq') ELSE last_seq END,
    last_committed_at = coalesce(newest_committed_at, last_committed_at),
    changes = changes + new_changes,
    stored_at = clock_timestamp()
  WHERE source_id = for_source AND version = seen_version;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the position of source % was moved by another consumer', for_source USING ERRCODE = 'CP001';
  END IF;
END
$$;

-- \`init\` has a slot at hand, which it made (\`is_new\`) or found. Notes where it begins, and lets the ledgers go on there:
-- of sources of the same system that read a slot of this name before, and of the one source of this name that was
-- another system until now. Gives the sources that got a gap, with its reason.
CREATE FUNCTION colophon.begin_slot(
  new_system_identifier text, new_timeline int, of_database text, of_slot text, new_start_lsn pg_lsn, is_new boolean,
  of_name text, of_environment text, approver text) RETURNS TABLE (source text, reason text, from_lsn pg_lsn, to_lsn pg_lsn)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  known record;
BEGIN
  INSERT INTO colophon.slots AS s (system_identifier, database, slot, timeline, start_lsn)
    VALUES (new_system_identifier, of_database, of_slot, new_timeline, new_start_lsn)
    ON CONFLICT (system_identifier, database, slot) DO UPDATE
      SET timeline = new_timeline, start_lsn = new_start_lsn, made_at = now() WHERE is_new;
  FOR known IN
    SELECT o.id, o.name, p.accounted_system_identifier AS system_identifier, p.accounted_timeline AS timeline,
      p.accounted_lsn AS lsn, p.version
      FROM colophon.sources o JOIN colophon.positions p ON p.source_id = o.id
      WHERE o.database = of_database AND p.accounted_lsn IS NOT NULL AND (
        -- On another timeline the consumer finds out where the two parted, and says so.
        (is_new AND o.slot = of_slot AND p.accounted_system_identifier = new_system_identifier
          AND p.accounted_timeline = new_timeline AND p.accounted_lsn <> new_start_lsn)
        OR (o.name = of_name AND o.environment = of_environment
          AND p.accounted_system_identifier <> new_system_identifier))
      ORDER BY o.id FOR UPDATE OF p
  LOOP
    source := known.name;
    IF known.system_identifier <> new_system_identifier THEN
      reason := 'source-replaced';
      from_lsn := known.lsn;
      to_lsn := new_start_lsn;
      PERFORM colophon.add_gap(known.id, reason, from_lsn, to_lsn, known.timeline, new_timeline, known.system_identifier,
        new_system_identifier, NULL, format('The source is system %s now; everything of system %s before %s is accounted for.',
        new_system_identifier, known.system_identifier, from_lsn), approver);
    ELSE
      IF known.lsn > new_start_lsn THEN
        reason := 'source-restored';
        from_lsn := NULL;
        to_lsn := known.lsn;
        PERFORM colophon.add_gap(known.id, reason, from_lsn, to_lsn, known.timeline, new_timeline, new_system_identifier,
          new_system_identifier, NULL, format('The source''s slot was made at %s, but everything up to %s was read from it: it was put back to an earlier state.',
          new_start_lsn, to_lsn), approver);
        RETURN NEXT;
      END IF;
      reason := 'slot-recreated';
      from_lsn := CASE WHEN known.lsn < new_start_lsn THEN known.lsn END;
      to_lsn := new_start_lsn;
      PERFORM colophon.add_gap(known.id, reason, from_lsn, to_lsn, known.timeline, new_timeline, new_system_identifier,
        new_system_identifier, NULL, format('Slot %s was made anew: it delivers what commits at %s or later.', of_slot, to_lsn),
        approver);
    END IF;
    PERFORM colophon.account_position(known.id, known.version, new_system_identifier, new_timeline, new_start_lsn, true);
    RETURN NEXT;
  END LOOP;
END
$$;
`,
  },
  {
    version: 3,
    sql: `-- Copies of tables as they were at a place in the log: what a row was before its first change. Nothing here is ever
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
`,
  },
  {
    version: 4,
    sql: `-- What PostgreSQL refused to store as it was: kept as bytes, so that it is not lost and holds nothing up. A row takes the
-- place in \`seq\` that its change would have had.
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
  -- UTF-8 whatever the encoding of this database: of a change {"key":...,"before":...,"after":...}, of a context itself.
  -- Of more than 64 MiB only the beginning: length and SHA-256 are those of the whole.
  data         bytea NOT NULL,
  data_length  bigint NOT NULL,
  data_sha256  bytea NOT NULL
);
CREATE INDEX unstored_records_source ON colophon.unstored_records (source_id, seq);

-- A text given as UTF-8; where this database's encoding can't hold it, with its bytes as \\ooo.
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

-- Keeps what can't be stored. \`whole_length\` and \`whole_sha256\`: of the whole, where \`data\` is only its beginning.
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
`,
  },
  {
    version: 5,
    sql: `-- Commands that changed a source's schema or publication, with the context in force. Few, so in one table; the context
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
-- can't be stored is kept with its segment, and the command gets one that says so. \`its_record\`: its columns as JSON in UTF-8.
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
        ordinal, sequence, position, command, object_type, "schema", identity, table_oid, is_drop, role, verified, context)
      SELECT its_seq, for_source, its_committed_at, its_queued_at, its_timeline, its_commit_lsn, its_transaction_id,
        r.ordinal, r.sequence, r.position, r.command, r.object_type, r."schema", r.identity, r.table_oid, r.is_drop, r.role,
        r.verified, CASE attempt WHEN 1 THEN convert_from(its_context, 'UTF8')::jsonb ELSE jsonb_build_object('colophon.error',
          format('the context could not be stored (SQLSTATE %s); it is in colophon.unstored', state)) END
      FROM json_to_record(convert_from(its_record, 'UTF8')::json) AS r(ordinal int, sequence int, position bigint,
        command text, object_type text, "schema" text, identity text, table_oid oid, is_drop boolean, role text, verified boolean);
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
`,
  },
  {
    version: 6,
    sql: `-- Which signatures of contexts were seen, so that one that comes again is told. Only where signatures are verified.

-- A row a flush and signer. No audit records: they are forgotten once they are older than the window.
CREATE TABLE colophon.signature_nonces (
  source_id int NOT NULL REFERENCES colophon.sources,
  -- When the newest of them was signed.
  signed_at timestamptz NOT NULL,
  signer    text COLLATE "C" NOT NULL,
  counters  int8multirange NOT NULL
);
CREATE INDEX signature_nonces_age ON colophon.signature_nonces (source_id, signed_at);

-- What was signed before this may have been forgotten, so it can't be verified any more.
CREATE TABLE colophon.signature_floors (
  source_id       int PRIMARY KEY REFERENCES colophon.sources,
  forgotten_until timestamptz NOT NULL
);

-- Forgets what was signed longer than \`keep\` before the newest signature.
CREATE FUNCTION colophon.forget_nonces(for_source int, keep interval) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  floor timestamptz;
BEGIN
  SELECT max(signed_at) - keep INTO floor FROM colophon.signature_nonces WHERE source_id = for_source;
  IF floor IS NULL THEN RETURN; END IF;
  DELETE FROM colophon.signature_nonces WHERE source_id = for_source AND signed_at < floor;
  IF FOUND THEN
    INSERT INTO colophon.signature_floors AS f (source_id, forgotten_until) VALUES (for_source, floor)
    ON CONFLICT (source_id) DO UPDATE SET forgotten_until = greatest(f.forgotten_until, excluded.forgotten_until);
  END IF;
END
$$;

-- As before, with what the signature was: of a context that can't be stored it is that one's.
DROP FUNCTION colophon.store_segment(int, bigint, timestamptz, int, pg_lsn, bigint, timestamptz, bytea);
CREATE FUNCTION colophon.store_segment(
  for_source int, its_id bigint, its_committed_at timestamptz, its_timeline int, its_commit_lsn pg_lsn,
  its_transaction_id bigint, its_queued_at timestamptz, its_verified boolean, its_context bytea) RETURNS text
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
      INSERT INTO colophon.segments (id, committed_at, source_id, timeline, commit_lsn, transaction_id, queued_at,
        verified, context)
      VALUES (its_id, its_committed_at, for_source, its_timeline, its_commit_lsn, its_transaction_id, its_queued_at,
        its_verified, storable);
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
`,
  },
];
