-- Imports: the history that another audit trail kept, as changes of sources of their own. Such a source has no position: nobody
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
-- many were new. `its_changes` have the number of their segment in `its_segments`.
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
