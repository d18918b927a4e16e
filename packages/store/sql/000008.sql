-- What the publication gave when the consumer last looked: how it knows at the next look what is missing. The consumer's own
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
