-- Which signatures of contexts were seen, so that one that comes again is told. Only where signatures are verified.

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

-- Forgets what was signed longer than `keep` before the newest signature.
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
