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

-- As before, with what the signature was: of a context that can't be stored it is that one's.
DROP FUNCTION colophon.store_segment(int, bigint, timestamptz, int, pg_lsn, bigint, timestamptz, bytea);
CREATE FUNCTION colophon.store_segment(
  for_source int, its_id bigint, its_committed_at timestamptz, its_timeline int, its_commit_lsn pg_lsn,
  its_transaction_id bigint, its_queued_at timestamptz, its_verified boolean, its_context bytea) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  state text := '';
  storable jsonb;
BEGIN
  LOOP
    BEGIN
      storable := CASE WHEN state = '' THEN convert_from(its_context, 'UTF8')::jsonb ELSE jsonb_build_object(
        'colophon.error', format('the context could not be stored (SQLSTATE %s); it is in colophon.unstored', state)) END;
      INSERT INTO colophon.segments (id, committed_at, source_id, timeline, commit_lsn, transaction_id, queued_at,
        verified, context)
      VALUES (its_id, its_committed_at, for_source, its_timeline, its_commit_lsn, its_transaction_id, its_queued_at,
        its_verified, storable);
      EXIT;
    EXCEPTION
      WHEN unique_violation THEN
        RAISE;
      WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded OR internal_error THEN
        -- With the other context it was not the context.
        IF state <> '' THEN
          RAISE;
        END IF;
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
        IF state LIKE 'XX%' AND (state <> 'XX000' OR octet_length(its_context) < 32 * 1024 * 1024) THEN
          RAISE;
        END IF;
    END;
  END LOOP;
  IF state <> '' THEN
    PERFORM colophon.keep_unstored(for_source, its_id, its_committed_at, 'context', state, NULL, NULL, NULL, NULL, NULL,
      NULL, NULL, NULL, its_context);
  END IF;
  RETURN state;
END
$$;
