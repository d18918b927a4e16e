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
        -- ATTACH lets others read and write meanwhile; CREATE TABLE … PARTITION OF would lock them out.
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
  bytes              bigint,
  first_committed_at timestamptz,
  last_committed_at  timestamptz,
  keep               interval,
  max_bytes          bigint
);

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
      (part, from_time, to_time, changes, bytes, first_committed_at, last_committed_at, keep, max_bytes)
    VALUES (month.part, month.from_time, month.to_time, held.changes, month.bytes, held.first_committed_at,
            held.last_committed_at, drop_oldest_month.keep, drop_oldest_month.max_bytes)
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
  )
  SELECT count(*) AS changes, min(committed_at) AS first, max(committed_at) AS last INTO gone FROM change;
  IF gone.changes = 0 THEN RETURN; END IF;
  INSERT INTO colophon.retentions (part, to_time, changes, first_committed_at, last_committed_at, keep, max_bytes)
    VALUES ('default', stored_before, gone.changes, gone.first, gone.last, delete_from_default.keep,
            delete_from_default.max_bytes)
    RETURNING * INTO note;
  RETURN NEXT note;
END
$$;
`,
  },
];
