import pg from 'pg';
import type { Queryable } from '../migrate/store-version.js';
import {
  grantStatement,
  PURE_FUNCTIONS,
  ROLE_KINDS,
  type RoleKind,
  STORE_RIGHTS,
  TELLTALE_RIGHT,
} from './store-rights.js';

/** Gives a role all that its kind needs in the store. Repeatable. The caller must be the owner, or a member of it. */
export async function grantRights(client: Queryable, kind: RoleKind, role: string): Promise<void> {
  for (const right of STORE_RIGHTS[kind]) await client.query(grantStatement(right, role));
}

/** Takes from all but the owner what ALTER DEFAULT PRIVILEGES gave them on the schema, just made. */
export const CLOSE_SCHEMA: string = `DO $close$
DECLARE
  given record;
BEGIN
  FOR given IN
    SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee
      FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname = 'colophon' AND a.grantee <> n.nspowner
  LOOP
    EXECUTE format('REVOKE ALL ON SCHEMA colophon FROM %s', given.grantee);
  END LOOP;
END
$close$`;

const OBJECTS = `SELECT c.oid FROM pg_class c WHERE c.relnamespace = to_regnamespace('colophon')
    UNION ALL SELECT p.oid FROM pg_proc p WHERE p.pronamespace = to_regnamespace('colophon')`;

/** Before a migration, in its transaction: notes the relations and functions that are there. */
export const NOTE_OBJECTS: string = `SELECT set_config('colophon.objects',
  coalesce((SELECT string_agg(o.oid::text, ',') FROM (${OBJECTS}) o), ''), true)`;

/** After it: what it made is nobody's but the owner's, whatever was said by ALTER DEFAULT PRIVILEGES. */
export const CLOSE_NEW: string = `SELECT colophon.close_to_others(ARRAY(SELECT o.oid FROM (${OBJECTS}) o
  WHERE o.oid::text <> ALL (string_to_array(current_setting('colophon.objects'), ','))))`;

/**
 * After a migration: functions that it made are nobody's but the owner's; those that a role may be given run with the
 * owner's rights, whatever search path the caller has; and the roles that were given rights before get those that are new.
 */
export function renewRightsSql(): string {
  const literals = (texts: readonly string[]): string =>
    `ARRAY[${texts.map((text) => pg.escapeLiteral(text)).join(', ')}]`;
  const grants = ROLE_KINDS.map((kind) => {
    // A grant to the role that is put in its place.
    const statements = STORE_RIGHTS[kind].map((right) => grantStatement(right, '%I').replace(/"%I"$/, '%I'));
    return `  FOR grantee IN ${granteesOf(kind)} LOOP
    FOREACH statement IN ARRAY ${literals(statements)} LOOP
      EXECUTE format(statement, grantee);
    END LOOP;
  END LOOP;`;
  });
  return `DO $rights$
DECLARE
  called text;
  grantee text;
  statement text;
BEGIN
  FOR called IN SELECT p.oid::regprocedure::text FROM pg_proc p
    WHERE p.pronamespace = 'colophon'::regnamespace AND p.proname = ANY (${literals(calledFunctions())}) LOOP
    EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = pg_catalog, pg_temp', called);
  END LOOP;
  REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA colophon FROM PUBLIC;
${grants.join('\n')}
END
$rights$;`;
}

/** Those that roles may be given, but for what needs no rights of the owner's. */
function calledFunctions(): string[] {
  return Object.values(STORE_RIGHTS)
    .flat()
    .filter(({ on, name }) => on === 'FUNCTION' && !PURE_FUNCTIONS.includes(name))
    .map(({ name }) => name);
}

/** Asks for the roles that were given this kind's rights, other than the owner. */
function granteesOf(kind: RoleKind): string {
  const { privilege, name } = TELLTALE_RIGHT[kind];
  return `SELECT DISTINCT r.rolname::text AS role FROM (
       SELECT c.relacl AS acl, c.relowner AS owner FROM pg_class c
        WHERE c.relnamespace = 'colophon'::regnamespace AND c.relname = '${name}'
       UNION ALL
       SELECT p.proacl, p.proowner FROM pg_proc p
        WHERE p.pronamespace = 'colophon'::regnamespace AND p.proname = '${name}') o,
       aclexplode(o.acl) a JOIN pg_roles r ON r.oid = a.grantee
     WHERE a.privilege_type = '${privilege}' AND a.grantee <> o.owner ORDER BY 1`;
}
