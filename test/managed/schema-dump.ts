import { execFileSync } from 'node:child_process';
import { catalogSnapshot, sql } from '../cli/catalog-snapshot.js';

/** Who may do what, by what was granted or, where nothing was yet, by default. */
const rights = (acl: string, kind: string, owner: string): string =>
  `(SELECT array_agg(line ORDER BY line) FROM (
     SELECT DISTINCT format('%s %s by %s%s', coalesce(pg_get_userbyid(nullif(a.grantee, 0)), 'PUBLIC'), a.privilege_type,
       pg_get_userbyid(a.grantor), CASE WHEN a.is_grantable THEN ' with grant option' END) AS line
     FROM aclexplode(coalesce(${acl}, acldefault('${kind}', ${owner}))) a) l)`;

const OWNERS_AND_RIGHTS = `SELECT jsonb_pretty(jsonb_build_object(
  'databases', (SELECT jsonb_agg(jsonb_build_array(datname, pg_get_userbyid(datdba), ${rights('datacl', 'd', 'datdba')}) ORDER BY datname)
                  FROM pg_database),
  'schemas', (SELECT jsonb_agg(jsonb_build_array(nspname, pg_get_userbyid(nspowner), ${rights('nspacl', 'n', 'nspowner')}) ORDER BY nspname)
                FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)'),
  'relations', (SELECT jsonb_agg(jsonb_build_array(n.nspname, c.relname, pg_get_userbyid(relowner), ${rights('relacl', 'r', 'relowner')}) ORDER BY n.nspname, c.relname)
                  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_' AND c.relkind <> 'i'),
  'functions', (SELECT jsonb_agg(jsonb_build_array(p.oid::regprocedure::text, pg_get_userbyid(proowner), ${rights('proacl', 'f', 'proowner')}) ORDER BY p.oid)
                  FROM pg_proc p WHERE p.oid >= 16384 OR p.proname = 'pg_logical_emit_message'),
  'publications', (SELECT jsonb_agg(jsonb_build_array(pubname, pg_get_userbyid(pubowner)) ORDER BY pubname) FROM pg_publication),
  'event triggers', (SELECT jsonb_agg(jsonb_build_array(evtname, pg_get_userbyid(evtowner)) ORDER BY evtname) FROM pg_event_trigger),
  'default rights', (SELECT jsonb_agg(to_jsonb(d) ORDER BY d.oid) FROM pg_default_acl d)
)) AS snapshot`;

/** Everything of a database's schema, from the catalogs: what it has, whose it is, and who may do what. */
export async function wholeCatalog(url: string): Promise<string> {
  const [row] = await sql(url, OWNERS_AND_RIGHTS);
  return `${String(row?.snapshot)}\n${await catalogSnapshot(url, 'all')}`;
}

/** The roles of the server, and who is a member of whom. */
export async function roleDump(url: string): Promise<string[]> {
  const rows = await sql(
    url,
    `SELECT format('role %s: %s', rolname, to_jsonb(r) - 'oid' - 'rolname' - 'rolpassword') AS line FROM pg_roles r
     UNION ALL
     SELECT format('member %s of %s', pg_get_userbyid(member), pg_get_userbyid(roleid)) FROM pg_auth_members
     ORDER BY 1`,
  );
  return rows.map(({ line }) => String(line));
}

/**
 * What pg_dump says of a database's schema, statement by statement; null where the one at hand reads no server as new. Its
 * comments are left out, and of newer minor releases a key that is another one each time.
 */
export function pgDump(url: string, major: number): string[] | null {
  const version = execFileSync('pg_dump', ['--version'], { encoding: 'utf8' });
  if (Number(/\(PostgreSQL\) (\d+)/.exec(version)![1]) < major) return null;
  return execFileSync('pg_dump', ['--schema-only', '--dbname', url], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line !== '' && !/^(--|\\(un)?restrict )/.test(line));
}
