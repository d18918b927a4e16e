import type { Connection } from './connect.js';
import { DDL_FUNCTION_BODY, DDL_TRIGGERS, type DdlState } from './ddl-triggers.js';
import { INIT_MARK } from './names.js';

/**
 * Roles by which providers give what a superuser has elsewhere, event triggers among it: AWS, Google (twice), Neon, Supabase.
 * Where the server refuses after all, the rest goes on.
 */
const PROVIDER_ROLES = [
  'rds_superuser',
  'cloudsqlsuperuser',
  'alloydbsuperuser',
  'neon_superuser',
  'supabase_privileged_role',
];

/** Reads how DDL is recorded. `publication` is the one that isn't another's. */
export async function inspectDdl(connection: Connection, publication: string): Promise<DdlState> {
  const [row] = await connection.query<DdlState & { may: boolean }>(
    `SELECT coalesce(f.prosrc = $1 AND f.prosecdef, false) AND t.current = $3 AS "isCurrent",
            f.oid IS NOT NULL OR t.found > 0 AS "isThere",
            coalesce(pg_has_role(f.proowner, 'USAGE'), true) AND t.owned AS "isOwned",
            r.rolsuper OR EXISTS (SELECT FROM pg_roles given WHERE given.rolname = ANY ($4::text[])
              AND pg_has_role(current_user, given.oid, 'USAGE'))
            -- Supabase's older servers give it to this role by its name.
            OR r.rolname = 'postgres' AND EXISTS (SELECT FROM pg_roles WHERE rolname = 'supabase_admin') AS "mayCreate",
            ARRAY(SELECT p.pubname::text FROM pg_publication p
                   WHERE p.pubname <> $5 AND starts_with(obj_description(p.oid, 'pg_publication'), $6) ORDER BY 1) AS others
       FROM pg_roles r
       LEFT JOIN pg_proc f ON f.pronamespace = to_regnamespace('colophon') AND f.proname = 'record_ddl' AND f.pronargs = 0
       CROSS JOIN LATERAL (
         SELECT count(*)::int AS found, coalesce(bool_and(pg_has_role(e.evtowner, 'USAGE')), true) AS owned,
                count(*) FILTER (WHERE e.evtfoid = f.oid AND e.evtenabled = 'A' AND e.evttags IS NULL)::int AS current
           FROM pg_event_trigger e WHERE e.evtname::text = ANY ($2::text[])) t
      WHERE r.rolname = current_user`,
    [
      DDL_FUNCTION_BODY,
      Object.keys(DDL_TRIGGERS),
      Object.keys(DDL_TRIGGERS).length,
      PROVIDER_ROLES,
      publication,
      INIT_MARK,
    ],
  );
  return row!;
}
