-- Rights and retention. What a consumer does to anything but new records goes through functions of the owner's, so that
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

-- The months that have partitions, the oldest first, and what the wish makes of each: `drop`; `held`, by a barrier; `keep`.
CREATE FUNCTION colophon.retention_months(keep interval, max_bytes bigint, ignoring text[] DEFAULT '{}')
RETURNS TABLE (part text, from_time timestamptz, to_time timestamptz, bytes bigint, verdict text, reason text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
AS $$
  WITH leaves AS (
    SELECT substring(c.relname FROM '\d{4}_\d{2}$') AS part, sum(pg_total_relation_size(c.oid))::bigint AS bytes
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

-- What a month holds: reads all of it. `stored_since` is when the last of it was stored, whatever the source's clock said.
CREATE FUNCTION colophon.month_contents(part text,
  OUT changes bigint, OUT first_committed_at timestamptz, OUT last_committed_at timestamptz, OUT last_stored_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF part !~ '^\d{4}_\d{2}$' THEN
    RAISE EXCEPTION 'a month is written like 2026_11' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  EXECUTE format('SELECT count(*), min(committed_at), max(committed_at) FROM colophon.%I', 'change_records_' || part)
    INTO changes, first_committed_at, last_committed_at;
  EXECUTE format('SELECT max(created_at) FROM colophon.%I', 'segments_' || part) INTO last_stored_at;
END
$$;

-- Drops the oldest month, if it may go, and notes it; gives the note, or nothing where there is none to drop. Waits for
-- the lock of the whole at most half a second at a time, `attempts` times: who stores or reads meanwhile waits no longer.
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

-- What of the default partition was stored before `stored_before`.
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
