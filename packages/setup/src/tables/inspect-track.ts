import type { Connection } from '../connect.js';
import { INIT_MARK } from '../names.js';
import { TRACK_FUNCTION_BODY, TRACK_TAGS, TRACK_TRIGGER, type TrackState } from './track-trigger.js';

/** Reads how new tables are tracked. `publication` is the one that isn't another's. */
export async function inspectTrack(connection: Connection, publication: string): Promise<TrackState> {
  const [row] = await connection.query<TrackState & { may: boolean }>(
    `SELECT coalesce(f.prosrc = $1 AND f.prosecdef AND e.evtfoid = f.oid AND e.evtenabled = 'A'
              AND e.evttags @> $3::text[] AND e.evttags <@ $3::text[], false) AS "isCurrent",
            f.oid IS NOT NULL OR e.oid IS NOT NULL AS "isThere",
            coalesce(pg_has_role(f.proowner, 'USAGE'), true) AND coalesce(pg_has_role(e.evtowner, 'USAGE'), true) AS "isOwned",
            ARRAY(SELECT p.pubname::text FROM pg_publication p
                   WHERE p.pubname <> $4 AND starts_with(obj_description(p.oid, 'pg_publication'), $5)
                     AND obj_description(p.oid, 'pg_publication') ~ '"policy":"auto"' ORDER BY 1) AS others
       FROM (VALUES (1)) one
       LEFT JOIN pg_proc f ON f.pronamespace = to_regnamespace('colophon') AND f.proname = 'track_new_tables' AND f.pronargs = 0
       LEFT JOIN pg_event_trigger e ON e.evtname::text = $2`,
    [TRACK_FUNCTION_BODY, TRACK_TRIGGER, TRACK_TAGS, publication, INIT_MARK],
  );
  return row!;
}
