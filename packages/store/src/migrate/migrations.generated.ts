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
  {
    version: 7,
    sql: `-- Rights and retention. What a consumer does to anything but new records goes through functions of the owner's, so that
-- it needs no right to change or delete. migrateStore() makes those that a role may execute SECURITY DEFINER, with a fixed
-- search_path, and takes EXECUTE from PUBLIC: the older ones, too.

-- Keeps tables' keys, as the source's catalog has them now.
CREATE FUNCTION colophon.remember_relations(for_source int, known jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  INSERT INTO colophon.relations (source_id, oid, "schema", "table", root_schema, root_table, key_columns)
  SELECT for_source, r.oid, r."schema", r."table", r.root_schema, r.root_table, r.key_columns
  FROM jsonb_to_recordset(known) AS r(oid oid, "schema" text, "table" text, root_schema text, root_table text,
    key_columns text[])
  ON CONFLICT (source_id, oid) DO UPDATE SET "schema" = excluded."schema", "table" = excluded."table",
    root_schema = excluded.root_schema, root_table = excluded.root_table, key_columns = excluded.key_columns
$$;

-- Whether changes lie in the default partition, told to those who may not look at changes.
CREATE FUNCTION colophon.has_default_rows() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'SELECT EXISTS (SELECT FROM colophon.change_records_default)';

-- How many records of a source were put aside, told to those who may not look at them.
CREATE FUNCTION colophon.count_unstored(of_source int) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'SELECT count(*) FROM colophon.unstored_records WHERE source_id = of_source';

-- The stored transactions of a source whose commit starts in the stretch, told to those who may not look at contexts.
CREATE FUNCTION colophon.stored_transactions(of_source int, from_lsn pg_lsn, to_lsn pg_lsn)
RETURNS TABLE (commit_lsn pg_lsn, transaction_id bigint, committed_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT DISTINCT s.commit_lsn, s.transaction_id, s.committed_at FROM colophon.segments s
  WHERE s.source_id = of_source AND s.commit_lsn >= stored_transactions.from_lsn
    AND s.commit_lsn < stored_transactions.to_lsn
$$;

-- What retention dropped, and by which wish: why older history is missing.
CREATE TABLE colophon.retentions (
  id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  applied_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  applied_by         text NOT NULL DEFAULT session_user,
  -- The month, as 2026_11; or "default", of which only what was stored before to_time is gone.
  part               text NOT NULL,
  from_time          timestamptz,
  to_time            timestamptz NOT NULL,
  changes            bigint NOT NULL,
  -- Records of colophon.unstored that were of it.
  unstored           bigint NOT NULL,
  -- Rows of baselines that were of no use without it, since a newer one is there.
  baseline_rows      bigint NOT NULL,
  bytes              bigint,
  first_committed_at timestamptz,
  last_committed_at  timestamptz,
  keep               interval,
  max_bytes          bigint
);

-- Since when, by the source's clock, each baseline needs every change to be of use: a day before its first chunk was read,
-- since a commit has its time before others see it. \`is_newest\`: the newest that is complete, of its table or partition.
CREATE FUNCTION colophon.baseline_needs()
RETURNS TABLE (baseline int, source text, "table" text, since timestamptz, is_newest boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT b.id, o.name, concat_ws('.', b."schema", b."table"),
    coalesce(c.taken_at, b.started_at) - interval '1 day',
    c.is_complete AND NOT EXISTS (
      SELECT FROM colophon.baselines n JOIN colophon.baseline_chunks e ON e.baseline_id = n.id AND e.is_last
      WHERE n.id > b.id AND n.source_id = b.source_id AND n."schema" = b."schema" AND n."table" = b."table"
        AND n.partition IS NOT DISTINCT FROM b.partition)
  FROM colophon.baselines b JOIN colophon.sources o ON o.id = b.source_id
  CROSS JOIN LATERAL (SELECT min(c.taken_at) AS taken_at, coalesce(bool_or(c.is_last), false) AS is_complete
    FROM colophon.baseline_chunks c WHERE c.baseline_id = b.id) c
$$;

-- Up to when history may go at all, and why not further. Who needs more of it adds a row here.
CREATE FUNCTION colophon.retention_barriers(ignoring text[] DEFAULT '{}')
RETURNS TABLE (until timestamptz, reason text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
AS $$
  SELECT date_trunc('month', now()) - interval '1 month', 'this month and the last always stay'
  UNION ALL
  -- What a source still has to store may be as old as the last that it stored.
  SELECT coalesce(p.last_committed_at, '-infinity'),
    format('source %s %s', o.name, coalesce('is stored up to ' || to_char(p.last_committed_at, 'YYYY-MM-DD'),
      'has stored nothing yet'))
  FROM colophon.sources o JOIN colophon.positions p ON p.source_id = o.id
  WHERE o.name <> ALL (ignoring)
  UNION ALL
  -- A table at a later time is its baseline and all changes after it.
  SELECT n.since, format('the baseline of %s, begun on %s, needs all changes after it: take another with colophon snapshot',
    n."table", to_char(n.since + interval '1 day', 'YYYY-MM-DD'))
  FROM colophon.baseline_needs() n
  WHERE n.is_newest AND n.source <> ALL (ignoring) AND n."table" <> ALL (ignoring)
$$;

-- Deletes the baselines that need a change from before \`gone_before\`, and says how many rows they had. One to which rows
-- are just added makes this wait; the next chunk of one that is gone finds nothing to belong to, and is refused.
CREATE FUNCTION colophon.forget_baselines(gone_before timestamptz) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  useless int[];
  forgotten bigint;
BEGIN
  SELECT coalesce(array_agg(n.baseline ORDER BY n.baseline), '{}') INTO useless
    FROM colophon.baseline_needs() n WHERE n.since < gone_before;
  PERFORM FROM colophon.baselines b WHERE b.id = ANY (useless) ORDER BY b.id FOR UPDATE;
  DELETE FROM colophon.baseline_rows r WHERE r.baseline_id = ANY (useless);
  GET DIAGNOSTICS forgotten = ROW_COUNT;
  DELETE FROM colophon.baseline_chunks c WHERE c.baseline_id = ANY (useless);
  DELETE FROM colophon.baselines b WHERE b.id = ANY (useless);
  RETURN forgotten;
END
$$;

-- The months that have partitions, the oldest first, and what the wish makes of each: \`drop\`; \`held\`, by a barrier; \`keep\`.
CREATE FUNCTION colophon.retention_months(keep interval, max_bytes bigint, ignoring text[] DEFAULT '{}')
RETURNS TABLE (part text, from_time timestamptz, to_time timestamptz, bytes bigint, verdict text, reason text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
AS $$
  WITH leaves AS (
    SELECT substring(c.relname FROM '\\d{4}_\\d{2}$') AS part, sum(pg_total_relation_size(c.oid))::bigint AS bytes
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent IN ('colophon.change_records'::regclass, 'colophon.segments'::regclass)
    GROUP BY 1
  ), months AS (
    SELECT l.part, l.bytes, make_timestamptz(left(l.part, 4)::int, right(l.part, 2)::int, 1, 0, 0, 0) AS from_time,
      -- What would be left if this one and all before it went.
      (SELECT sum(a.bytes) FROM leaves a) - sum(l.bytes) OVER (ORDER BY l.part) + l.bytes AS bytes_with_it
    FROM leaves l WHERE l.part IS NOT NULL
  ), wished AS (
    SELECT m.part, m.from_time, m.from_time + interval '1 month' AS to_time, m.bytes,
      coalesce(m.from_time + interval '1 month' <= now() - keep, false)
        OR coalesce(m.bytes_with_it > max_bytes, false) AS is_wished
    FROM months m
  )
  SELECT w.part, w.from_time, w.to_time, w.bytes,
    CASE WHEN NOT w.is_wished THEN 'keep' WHEN b.reason IS NULL THEN 'drop' ELSE 'held' END,
    CASE WHEN w.is_wished THEN b.reason END
  FROM wished w LEFT JOIN LATERAL (
    SELECT x.reason FROM colophon.retention_barriers(ignoring) x WHERE x.until < w.to_time ORDER BY x.until LIMIT 1) b ON true
  ORDER BY w.part
$$;

-- What was stored since then stays, however old its commit looks: a clock that went wrong makes a young record look old.
CREATE FUNCTION colophon.young_since(keep interval) RETURNS timestamptz
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
AS $$ SELECT coalesce(now() - keep, date_trunc('month', now()) - interval '1 month') $$;

-- What a month holds: reads all of it. \`stored_since\` is when the last of it was stored, whatever the source's clock said.
CREATE FUNCTION colophon.month_contents(part text,
  OUT changes bigint, OUT first_committed_at timestamptz, OUT last_committed_at timestamptz, OUT last_stored_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF part !~ '^\\d{4}_\\d{2}$' THEN
    RAISE EXCEPTION 'a month is written like 2026_11' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  EXECUTE format('SELECT count(*), min(committed_at), max(committed_at) FROM colophon.%I', 'change_records_' || part)
    INTO changes, first_committed_at, last_committed_at;
  EXECUTE format('SELECT max(created_at) FROM colophon.%I', 'segments_' || part) INTO last_stored_at;
END
$$;

-- Drops the oldest month, if it may go, and notes it; gives the note, or nothing where there is none to drop. Waits for
-- the lock of the whole at most half a second at a time, \`attempts\` times: who stores or reads meanwhile waits no longer.
CREATE FUNCTION colophon.drop_oldest_month(keep interval, max_bytes bigint, ignoring text[] DEFAULT '{}', attempts int DEFAULT 10)
RETURNS SETOF colophon.retentions
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
SET lock_timeout = '500ms'
AS $$
DECLARE
  month record;
  held record;
  unstored_gone bigint;
  baseline_rows_gone bigint;
  note colophon.retentions;
BEGIN
  -- With make_partitions, and one at a time.
  PERFORM pg_advisory_xact_lock(hashtext('colophon.make_partitions'));
  SELECT * INTO month FROM colophon.retention_months(keep, max_bytes, ignoring) m LIMIT 1;
  IF NOT FOUND OR month.verdict <> 'drop' THEN RETURN; END IF;
  -- Nothing may come into the month between counting and dropping; other months are written to all the time.
  EXECUTE format('LOCK TABLE colophon.%I, colophon.%I IN SHARE MODE',
                 'change_records_' || month.part, 'segments_' || month.part);
  SELECT * INTO held FROM colophon.month_contents(month.part);
  IF held.last_stored_at >= colophon.young_since(keep) THEN RETURN; END IF;
  DELETE FROM colophon.unstored_records u WHERE u.committed_at >= month.from_time AND u.committed_at < month.to_time;
  GET DIAGNOSTICS unstored_gone = ROW_COUNT;
  baseline_rows_gone := colophon.forget_baselines(month.to_time);
  FOR attempt IN 1 .. attempts LOOP
    BEGIN
      -- In the order in which those who store and those who read take them.
      LOCK TABLE ONLY colophon.change_records, ONLY colophon.segments IN ACCESS EXCLUSIVE MODE;
      EXECUTE format('DROP TABLE colophon.%I, colophon.%I', 'change_records_' || month.part, 'segments_' || month.part);
      EXIT;
    EXCEPTION WHEN lock_not_available THEN
      IF attempt = attempts THEN RAISE; END IF;
    END;
    PERFORM pg_sleep(0.2);
  END LOOP;
  INSERT INTO colophon.retentions
      (part, from_time, to_time, changes, unstored, baseline_rows, bytes, first_committed_at, last_committed_at, keep,
       max_bytes)
    VALUES (month.part, month.from_time, month.to_time, held.changes, unstored_gone, baseline_rows_gone, month.bytes,
            held.first_committed_at, held.last_committed_at, drop_oldest_month.keep, drop_oldest_month.max_bytes)
    RETURNING * INTO note;
  RETURN NEXT note;
END
$$;

-- Up to when records of the default partition may go. They count by when they were stored, since it is mostly for clocks
-- gone wrong: those stored before the limit of age, or before the oldest month that is left. Null where nothing may go.
CREATE FUNCTION colophon.default_limit(keep interval, max_bytes bigint, ignoring text[] DEFAULT '{}') RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
AS $$
  SELECT least((SELECT min(until) FROM colophon.retention_barriers(ignoring)),
    greatest(now() - keep,
      CASE WHEN max_bytes IS NOT NULL
        THEN (SELECT min(from_time) FROM colophon.retention_months(keep, max_bytes, ignoring)) END))
$$;

-- What of the default partition was stored before \`stored_before\`.
CREATE FUNCTION colophon.default_contents(stored_before timestamptz,
  OUT changes bigint, OUT first_committed_at timestamptz, OUT last_committed_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT count(*), min(r.committed_at), max(r.committed_at)
  FROM colophon.segments_default s
  JOIN colophon.change_records_default r ON r.segment_id = s.id AND r.committed_at = s.committed_at
  WHERE s.created_at < stored_before
$$;

-- Deletes what may go of the default partition, and notes it; gives the note, or nothing. Locks nobody out.
CREATE FUNCTION colophon.delete_from_default(keep interval, max_bytes bigint, ignoring text[] DEFAULT '{}')
RETURNS SETOF colophon.retentions
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  stored_before timestamptz := colophon.default_limit(keep, max_bytes, ignoring);
  gone record;
  note colophon.retentions;
BEGIN
  WITH segment AS (
    DELETE FROM colophon.segments_default s WHERE s.created_at < stored_before RETURNING s.id, s.committed_at
  ), change AS (
    DELETE FROM colophon.change_records_default r USING segment
    WHERE r.segment_id = segment.id AND r.committed_at = segment.committed_at RETURNING r.committed_at
  ), unstored AS (
    DELETE FROM colophon.unstored_records u USING segment
    WHERE u.segment_id = segment.id AND u.committed_at = segment.committed_at RETURNING u.committed_at
  )
  SELECT count(*) AS changes, (SELECT count(*) FROM unstored) AS unstored, min(committed_at) AS first,
    max(committed_at) AS last INTO gone FROM change;
  IF gone.changes + gone.unstored = 0 THEN RETURN; END IF;
  INSERT INTO colophon.retentions
      (part, to_time, changes, unstored, baseline_rows, first_committed_at, last_committed_at, keep, max_bytes)
    VALUES ('default', stored_before, gone.changes, gone.unstored, colophon.forget_baselines(stored_before), gone.first, gone.last, delete_from_default.keep,
            delete_from_default.max_bytes)
    RETURNING * INTO note;
  RETURN NEXT note;
END
$$;
`,
  },
  {
    version: 8,
    sql: `-- What the publication gave when the consumer last looked: how it knows at the next look what is missing. The consumer's own
-- JSON, as bytes, for the sake of names that this database's encoding lacks.
CREATE TABLE colophon.published (
  source_id int PRIMARY KEY REFERENCES colophon.sources,
  seen      bytea NOT NULL
);

CREATE FUNCTION colophon.note_published(for_source int, now_seen bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  INSERT INTO colophon.published AS p (source_id, seen) VALUES (for_source, now_seen)
  ON CONFLICT (source_id) DO UPDATE SET seen = excluded.seen
$$;
`,
  },
  {
    version: 9,
    sql: `-- A month's partitions come together or not at all, and nobody but the owner has a right to what is made.

-- Takes from all but the owner what they were given on these relations and functions, just made: somebody may have said by ALTER
-- DEFAULT PRIVILEGES that others may change whatever the owner makes.
CREATE FUNCTION colophon.close_to_others(made oid[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  given record;
BEGIN
  FOR given IN
    SELECT DISTINCT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass AS object, a.grantee
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
    WHERE c.oid = ANY (made) AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND a.grantee <> c.relowner
    UNION
    SELECT 'FUNCTION ' || p.oid::regprocedure, a.grantee
    FROM pg_proc p CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
    WHERE p.oid = ANY (made) AND a.grantee <> p.proowner
  LOOP
    EXECUTE format('REVOKE ALL ON %s FROM %s CASCADE', given.object,
      CASE given.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(given.grantee)) END);
  END LOOP;
END
$$;

-- Makes the partitions of a month, both or none: a change whose context lies elsewhere would lose it when that goes. Says
-- how many were new. A month of which rows lie in the default partition already stays there.
CREATE FUNCTION colophon.make_month(month timestamptz) RETURNS int
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
AS $$
DECLARE
  parent text;
  leaf text;
  made int := 0;
BEGIN
  -- In the order in which those who store and those who read take them.
  FOREACH parent IN ARRAY ARRAY['change_records', 'segments'] LOOP
    leaf := parent || to_char(month, '"_"YYYY"_"MM');
    CONTINUE WHEN to_regclass(format('colophon.%I', leaf)) IS NOT NULL;
    -- ATTACH lets others read and write meanwhile; CREATE TABLE ... PARTITION OF would lock them out.
    EXECUTE format('CREATE TABLE colophon.%I (LIKE colophon.%I INCLUDING ALL)', leaf, parent);
    PERFORM colophon.close_to_others(ARRAY[format('colophon.%I', leaf)::regclass::oid]);
    EXECUTE format('ALTER TABLE colophon.%I ATTACH PARTITION colophon.%I FOR VALUES FROM (%L) TO (%L)',
                   parent, leaf, month, month + interval '1 month');
    made := made + 1;
  END LOOP;
  RETURN made;
EXCEPTION WHEN check_violation THEN
  RETURN 0;
END
$$;

-- Makes the partitions of last month, this month and \`ahead\` more, and says how many were new.
CREATE OR REPLACE FUNCTION colophon.make_partitions(ahead int DEFAULT 3) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
AS $$
DECLARE
  made int := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('colophon.make_partitions'));
  FOR i IN -1 .. ahead LOOP
    made := made + colophon.make_month(date_trunc('month', now()) + i * interval '1 month');
  END LOOP;
  RETURN made;
END
$$;

-- Of a month that has only one of the two by now: the other one gets its rows out of the default partition.
DO $$
DECLARE
  half record;
BEGIN
  FOR half IN
    SELECT m.missing, m.part, make_timestamptz(left(m.part, 4)::int, right(m.part, 2)::int, 1, 0, 0, 0, 'UTC') AS month FROM (
      SELECT right(c.relname, 7) AS part,
        CASE min(c.relname) ~ '^change' WHEN true THEN 'segments' ELSE 'change_records' END AS missing
      FROM pg_class c WHERE c.relnamespace = 'colophon'::regnamespace AND c.relkind = 'r'
        AND c.relname ~ '^(change_records|segments)_[0-9]{4}_[0-9]{2}$'
      GROUP BY 1 HAVING count(*) = 1) m
  LOOP
    EXECUTE format('CREATE TABLE colophon.%1$I (LIKE colophon.%2$I INCLUDING ALL);
      WITH gone AS (DELETE FROM colophon.%3$I WHERE committed_at >= %4$L AND committed_at < %5$L RETURNING *)
      INSERT INTO colophon.%1$I SELECT * FROM gone;
      ALTER TABLE colophon.%2$I ATTACH PARTITION colophon.%1$I FOR VALUES FROM (%4$L) TO (%5$L)',
      half.missing || '_' || half.part, half.missing, half.missing || '_default', half.month,
      (half.month AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC');
  END LOOP;
END
$$;

-- What others were given so on what is there already. They may still read, and consumers add records.
DO $$
DECLARE
  given record;
BEGIN
  FOR given IN
    SELECT c.oid::regclass AS relation, a.grantee, string_agg(DISTINCT a.privilege_type, ', ') AS privileges
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
    WHERE c.relnamespace = 'colophon'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND a.grantee <> c.relowner
      AND a.privilege_type <> 'SELECT'
      AND NOT (a.privilege_type = 'INSERT' AND EXISTS (
        SELECT FROM pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) x
        WHERE p.pronamespace = 'colophon'::regnamespace AND p.proname = 'open_source' AND x.grantee = a.grantee))
    GROUP BY 1, 2
  LOOP
    EXECUTE format('REVOKE %s ON %s FROM %s CASCADE', given.privileges, given.relation,
      CASE given.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(given.grantee)) END);
  END LOOP;
END
$$;

-- As before, but a month is noted only where it was tried for.
CREATE OR REPLACE FUNCTION colophon.drop_oldest_month(keep interval, max_bytes bigint, ignoring text[] DEFAULT '{}', attempts int DEFAULT 10)
RETURNS SETOF colophon.retentions
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
SET lock_timeout = '500ms'
AS $$
DECLARE
  month record;
  held record;
  unstored_gone bigint;
  baseline_rows_gone bigint;
  note colophon.retentions;
BEGIN
  -- With make_partitions, and one at a time.
  PERFORM pg_advisory_xact_lock(hashtext('colophon.make_partitions'));
  SELECT * INTO month FROM colophon.retention_months(keep, max_bytes, ignoring) m LIMIT 1;
  IF NOT FOUND OR month.verdict <> 'drop' THEN RETURN; END IF;
  -- Nothing may come into the month between counting and dropping; other months are written to all the time.
  EXECUTE format('LOCK TABLE colophon.%I, colophon.%I IN SHARE MODE',
                 'change_records_' || month.part, 'segments_' || month.part);
  SELECT * INTO held FROM colophon.month_contents(month.part);
  IF held.last_stored_at >= colophon.young_since(keep) THEN RETURN; END IF;
  DELETE FROM colophon.unstored_records u WHERE u.committed_at >= month.from_time AND u.committed_at < month.to_time;
  GET DIAGNOSTICS unstored_gone = ROW_COUNT;
  baseline_rows_gone := colophon.forget_baselines(month.to_time);
  FOR attempt IN 1 .. greatest(attempts, 1) LOOP
    BEGIN
      -- In the order in which those who store and those who read take them.
      LOCK TABLE ONLY colophon.change_records, ONLY colophon.segments IN ACCESS EXCLUSIVE MODE;
      EXECUTE format('DROP TABLE colophon.%I, colophon.%I', 'change_records_' || month.part, 'segments_' || month.part);
      EXIT;
    EXCEPTION WHEN lock_not_available THEN
      IF attempt >= attempts THEN RAISE; END IF;
    END;
    PERFORM pg_sleep(0.2);
  END LOOP;
  INSERT INTO colophon.retentions
      (part, from_time, to_time, changes, unstored, baseline_rows, bytes, first_committed_at, last_committed_at, keep,
       max_bytes)
    VALUES (month.part, month.from_time, month.to_time, held.changes, unstored_gone, baseline_rows_gone, month.bytes,
            held.first_committed_at, held.last_committed_at, drop_oldest_month.keep, drop_oldest_month.max_bytes)
    RETURNING * INTO note;
  RETURN NEXT note;
END
$$;

-- As before, but where nothing is wished nothing goes.
CREATE OR REPLACE FUNCTION colophon.default_limit(keep interval, max_bytes bigint, ignoring text[] DEFAULT '{}') RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
AS $$
  -- least() would pass over a limit that isn't there.
  SELECT CASE WHEN keep IS NOT NULL OR max_bytes IS NOT NULL THEN least((SELECT min(until) FROM colophon.retention_barriers(ignoring)),
    greatest(now() - keep,
      CASE WHEN max_bytes IS NOT NULL
        THEN (SELECT min(from_time) FROM colophon.retention_months(keep, max_bytes, ignoring)) END)) END
$$;
`,
  },
  {
    version: 10,
    sql: `-- A table that is taken out of the publication on purpose leaves a gap, too: it says who asked for it.

DROP FUNCTION colophon.note_coverage(int, text[], boolean, text, int, pg_lsn, text);
CREATE FUNCTION colophon.note_coverage(
  for_source int, of_tables text[], is_whole boolean, of_system text, of_timeline int, at_lsn pg_lsn, what text,
  approver text) RETURNS void
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
      format('%s: changes from here on are not all received.', what), approver);
  ELSIF is_whole AND opened.id IS NOT NULL AND opened.to_lsn IS NULL THEN
    PERFORM colophon.add_gap(for_source, 'publication-changed', opened.from_lsn, at_lsn, opened.from_timeline, of_timeline,
      opened.from_system_identifier, of_system, of_tables, format('%s: all changes are received again.', what),
      opened.approved_by);
  END IF;
END
$$;
`,
  },
  {
    version: 11,
    sql: `-- Imports: the history that another audit trail kept, as changes of sources of their own. Such a source has no position: nobody
-- reads its log, so it holds back no retention and has no gaps.

CREATE TABLE colophon.imports (
  id          int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- What is read, how, and under which name, as the importer says it.
  origin      text COLLATE "C" NOT NULL UNIQUE,
  imported_by text NOT NULL DEFAULT session_user,
  begun_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  stored_at   timestamptz,
  -- Where the importer goes on; null where it begins: it never did, or came to the end.
  place       text,
  -- Counts the chunks. Who saw another number has been overtaken, and must not store anything.
  version     bigint NOT NULL DEFAULT 0,
  -- The next row's number of the one order: below zero, since what is imported came before all that is read from a log.
  next_seq    bigint NOT NULL,
  changes     bigint NOT NULL DEFAULT 0
);

-- Makes an import known, and says where it is to go on.
CREATE FUNCTION colophon.begin_import(its_origin text, OUT import int, OUT version bigint, OUT place text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  -- Two to the 40th numbers for each, in the order in which they were begun.
  PERFORM pg_advisory_xact_lock(hashtext('colophon.begin_import'));
  INSERT INTO colophon.imports AS i (origin, next_seq)
    VALUES (its_origin, (SELECT -(1::bigint << 62) + count(*) * (1::bigint << 40) FROM colophon.imports))
    ON CONFLICT (origin) DO NOTHING;
  SELECT i.id, i.version, i.place INTO begin_import.import, begin_import.version, begin_import.place
    FROM colophon.imports i WHERE i.origin = its_origin;
END
$$;

-- Makes the partitions of these months, each given by a day of it, and says how many were new.
CREATE FUNCTION colophon.make_months(days date[]) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
AS $$
DECLARE
  month timestamptz;
  made int := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('colophon.make_partitions'));
  FOR month IN SELECT DISTINCT date_trunc('month', d::timestamptz) AS month FROM unnest(days) d ORDER BY 1 LOOP
    made := made + colophon.make_month(month);
  END LOOP;
  RETURN made;
END
$$;

-- Stores a chunk: its changes, but for those that are there already, what they have in common, and the place after it. Says how
-- many were new. \`its_changes\` have the number of their segment in \`its_segments\`.
CREATE FUNCTION colophon.import_changes(
  of_import int, seen_version bigint, its_segments json, its_changes json, next_place text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
AS $$
DECLARE
  count_given constant int := json_array_length(its_changes);
  block constant bigint := nextval('colophon.segment_block') << 32;
  first_seq bigint;
  added bigint;
BEGIN
  UPDATE colophon.imports i SET version = i.version + 1, place = next_place, stored_at = clock_timestamp(),
    next_seq = i.next_seq + count_given
    WHERE i.id = of_import AND i.version = seen_version
    RETURNING i.next_seq - count_given INTO first_seq;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'import % was continued by somebody else', of_import USING ERRCODE = 'CP001';
  END IF;
  INSERT INTO colophon.sources (name, environment, database, system_identifier, slot)
    SELECT DISTINCT s.source, s.environment, s.database, '', ''
    FROM json_to_recordset(its_segments) AS s(source text, environment text, database text)
    ON CONFLICT DO NOTHING;
  IF EXISTS (SELECT FROM json_to_recordset(its_segments) AS s(source text, environment text, database text)
      JOIN colophon.sources o ON (o.name, o.environment, o.database) = (s.source, s.environment, s.database)
      WHERE o.system_identifier <> '') THEN
    RAISE EXCEPTION 'a source that is read from its log has this name' USING ERRCODE = 'CP002';
  END IF;
  -- What the view could not show is refused here.
  PERFORM count(c.before::jsonb), count(c.after::jsonb)
    FROM json_to_recordset(its_changes) AS c(before text, after text);
  WITH given AS (
    SELECT c.*, s.committed_at FROM json_to_recordset(its_changes) AS c(
        n int, segment int, id uuid, position bigint, operation text, "schema" text, "table" text, primary_key text,
        key text, old_key text, before text, after text)
      JOIN json_to_recordset(its_segments) AS s(n int, committed_at timestamptz) ON s.n = c.segment
      ORDER BY c.n
  ), change AS (
    INSERT INTO colophon.change_records (committed_at, segment_id, seq, position, sequence, id, operation, "schema",
        "table", primary_key, key, old_key, before, after)
      SELECT g.committed_at, block + g.segment, first_seq + g.n, g.position, 0, g.id, g.operation, g."schema", g."table",
        coalesce(g.primary_key, CASE WHEN g.key <> '{}' THEN g.key::jsonb::text END), g.key::jsonb, g.old_key::jsonb,
        g.before::json, g.after::json
      FROM given g
      ON CONFLICT DO NOTHING RETURNING segment_id
  ), segment AS (
    INSERT INTO colophon.segments (id, committed_at, source_id, timeline, commit_lsn, transaction_id, queued_at,
        created_at, context)
      SELECT block + s.n, s.committed_at, o.id, 0, '0/0', s.transaction_id, s.queued_at, s.created_at, s.context::jsonb
      FROM json_to_recordset(its_segments) AS s(n int, source text, environment text, database text,
          committed_at timestamptz, queued_at timestamptz, created_at timestamptz, transaction_id bigint, context text)
        JOIN colophon.sources o ON (o.name, o.environment, o.database) = (s.source, s.environment, s.database)
      WHERE block + s.n IN (SELECT c.segment_id FROM change c)
  )
  SELECT count(*) INTO added FROM change;
  UPDATE colophon.imports i SET changes = i.changes + added WHERE i.id = of_import;
  RETURN added;
END
$$;
`,
  },
  {
    version: 12,
    sql: `-- What ALTER DEFAULT PRIVILEGES gave others on a store made before version 9, beyond what that took back: functions that let
-- records go, INSERT, sequences, and the making of relations beside the store's own. Who reads still may.
DO $$
DECLARE
  given record;
BEGIN
  FOR given IN
    WITH by_default AS (
      SELECT d.defaclobjtype AS kind, a.grantee
      FROM pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) a
      WHERE d.defaclrole = (SELECT n.nspowner FROM pg_namespace n WHERE n.nspname = 'colophon')
        AND d.defaclnamespace IN (0, 'colophon'::regnamespace) AND a.grantee <> d.defaclrole
    )
    SELECT 'FUNCTION ' || p.oid::regprocedure AS object, a.grantee, 'EXECUTE' AS privileges
    FROM pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) a
    WHERE p.pronamespace = 'colophon'::regnamespace AND a.grantee <> p.proowner
      AND (a.grantee, 'f'::"char") IN (SELECT b.grantee, b.kind FROM by_default b)
    UNION ALL
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass, a.grantee,
      string_agg(DISTINCT a.privilege_type, ', ')
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
    WHERE c.relnamespace = 'colophon'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S') AND a.grantee <> c.relowner
      AND a.privilege_type <> 'SELECT'
      AND (a.grantee, CASE c.relkind WHEN 'S' THEN 'S' ELSE 'r' END::"char") IN (SELECT b.grantee, b.kind FROM by_default b)
    GROUP BY c.oid, c.relkind, a.grantee
    UNION ALL
    SELECT 'SCHEMA colophon', a.grantee, 'CREATE'
    FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a
    WHERE n.nspname = 'colophon' AND a.grantee <> n.nspowner AND a.privilege_type = 'CREATE'
  LOOP
    EXECUTE format('REVOKE %s ON %s FROM %s CASCADE', given.privileges, given.object,
      CASE given.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(given.grantee)) END);
  END LOOP;
END
$$;
`,
  },
];
