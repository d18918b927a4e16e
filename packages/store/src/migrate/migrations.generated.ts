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
`,
  },
];
