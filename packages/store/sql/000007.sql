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
-- since a commit has its time before others see it. `is_newest`: the newest that is complete, of its table or partition.
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

-- Deletes the baselines that need a change from before `gone_before`, and says how many rows they had. One to which rows
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
