-- The completeness ledger: how far each source's log is stored or accounted for, and the gaps in it.

-- Everything of the source's log before it is stored, or holds nothing to store, or lies in a gap. It may be on another
-- timeline, or of another system, than the last stored transaction.
ALTER TABLE colophon.positions
  ADD COLUMN accounted_system_identifier text,
  ADD COLUMN accounted_timeline int,
  ADD COLUMN accounted_lsn pg_lsn;

-- Where `init` made each slot: what a source's ledger begins with.
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
-- begins where `init` made the slot.
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

-- Moves the accounted position, if nobody has moved the source since `seen_version`; forward only, unless it is told that
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

-- `init` has a slot at hand, which it made (`is_new`) or found. Notes where it begins, and lets the ledgers go on there:
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
