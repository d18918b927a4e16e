-- A table that is taken out of the publication on purpose leaves a gap, too: it says who asked for it.

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
