-- A month's partitions come together or not at all, and nobody but the owner has a right to what is made.

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
    -- ATTACH lets others read and write meanwhile; CREATE TABLE … PARTITION OF would lock them out.
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

-- Makes the partitions of last month, this month and `ahead` more, and says how many were new.
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
