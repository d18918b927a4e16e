import pg from 'pg';
import type { Queryable } from '../migrate/store-version.js';

/** The role that owns stores unless told otherwise. */
export const DEFAULT_OWNER = 'colophon_owner';

/** Who owns a store, and why that isn't the role that was asked for, where it isn't. */
export interface StoreOwner {
  readonly name: string;
  readonly canLogIn: boolean;
  /** Null where it is the role that was asked for, or none was. */
  readonly reason: string | null;
}

/**
 * Makes a role that can't log in ready to own the store, and the caller a member of it, as far as he may: a superuser
 * needs no membership; CREATEROLE is enough for both, unless somebody else made the role. Null where it is ready, else the
 * reason. Inside a transaction, which goes on either way.
 */
export async function prepareOwner(client: Queryable, owner: string): Promise<string | null> {
  const name = pg.escapeIdentifier(owner);
  const { caller, mayCreate, isSuperuser, major } = await readCaller(client);
  const found = await readRole(client, owner);
  if (found?.canLogIn === true) {
    return `role ${owner} can log in: ALTER ROLE ${name} NOLOGIN`;
  }
  if (found === undefined) {
    if (!mayCreate) {
      return `role ${caller} may not create roles: run init once as a role with CREATEROLE`;
    }
    // Somebody else may be making it just now, in another database.
    const failed = await attempt(client, `CREATE ROLE ${name} NOLOGIN`, ['42710', '23505']);
    if (failed !== null) return `role ${owner} could not be created (SQLSTATE ${failed})`;
  }
  // Since 16 a membership may be one that neither inherits nor may be entered.
  const membership = [major >= 16 ? 'SET' : 'MEMBER', 'USAGE'];
  if (isSuperuser || (await isMember(client, owner, membership))) return null;
  const options = major >= 16 ? ' WITH INHERIT TRUE, SET TRUE' : '';
  const failed = await attempt(client, `GRANT ${name} TO ${pg.escapeIdentifier(caller)}${options}`);
  if (failed === null) return null;
  return `role ${caller} is no member of ${owner}: GRANT ${name} TO ${pg.escapeIdentifier(caller)}${options}`;
}

/** Hands everything of the store over to the owner, which must be ready. The event triggers' functions are the source's. */
export async function handOver(client: Queryable, owner: string): Promise<void> {
  await client.query(`ALTER SCHEMA colophon OWNER TO ${pg.escapeIdentifier(owner)}`);
  const { rows } = await client.query(foreignObjects(pg.escapeLiteral(owner)));
  for (const { object } of rows) {
    await client.query(`ALTER ${object} OWNER TO ${pg.escapeIdentifier(owner)}`);
  }
}

/** The same as a statement of its own, whatever is to be handed over. */
export function handOverSql(owner: string): string {
  return `ALTER SCHEMA colophon OWNER TO ${pg.escapeIdentifier(owner)};
DO $over$
DECLARE
  object text;
BEGIN
  FOR object IN ${foreignObjects(pg.escapeLiteral(owner))} LOOP
    EXECUTE format('ALTER %s OWNER TO %I', object, ${pg.escapeLiteral(owner)});
  END LOOP;
END
$over$;`;
}

// Indexes and owned sequences follow their tables.
function foreignObjects(owner: string): string {
  return `SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END
         || ' ' || c.oid::regclass::text AS object
       FROM pg_class c WHERE c.relnamespace = 'colophon'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
         AND pg_get_userbyid(c.relowner) <> ${owner}
         AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
           AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND c.relkind = 'S')
     UNION ALL
     SELECT CASE p.prokind WHEN 'p' THEN 'PROCEDURE ' ELSE 'FUNCTION ' END || p.oid::regprocedure::text
       FROM pg_proc p WHERE p.pronamespace = 'colophon'::regnamespace AND p.prorettype <> 'event_trigger'::regtype
         AND pg_get_userbyid(p.proowner) <> ${owner}
     UNION ALL
     SELECT 'TYPE ' || t.oid::regtype::text FROM pg_type t
       WHERE t.typnamespace = 'colophon'::regnamespace AND t.typtype IN ('e', 'd') AND pg_get_userbyid(t.typowner) <> ${owner}`;
}

/** The owner of the store in this database: of its tables, or of its schema where it has none yet. */
export async function readOwner(client: Queryable): Promise<{ name: string; canLogIn: boolean } | undefined> {
  const { rows } = await client.query(
    `SELECT r.rolname AS name, r.rolcanlogin AS "canLogIn" FROM pg_namespace n
       LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'migrations'
       JOIN pg_roles r ON r.oid = coalesce(c.relowner, n.nspowner) WHERE n.nspname = 'colophon'`,
  );
  return rows[0] as { name: string; canLogIn: boolean } | undefined;
}

/** Whether the caller may act as this role. */
export async function mayBecome(client: Queryable, role: string): Promise<boolean> {
  const { caller, isSuperuser, major } = await readCaller(client);
  return isSuperuser || caller === role || (await isMember(client, role, [major >= 16 ? 'SET' : 'MEMBER']));
}

async function readCaller(
  client: Queryable,
): Promise<{ caller: string; mayCreate: boolean; isSuperuser: boolean; major: number }> {
  const { rows } = await client.query(
    `SELECT rolname AS caller, rolsuper OR rolcreaterole AS "mayCreate", rolsuper AS "isSuperuser",
       current_setting('server_version_num')::int / 10000 AS major FROM pg_roles WHERE rolname = current_user`,
  );
  return rows[0] as { caller: string; mayCreate: boolean; isSuperuser: boolean; major: number };
}

async function readRole(client: Queryable, name: string): Promise<{ canLogIn: boolean } | undefined> {
  const { rows } = await client.query('SELECT rolcanlogin AS "canLogIn" FROM pg_roles WHERE rolname = $1', [
    name,
  ]);
  return rows[0] as { canLogIn: boolean } | undefined;
}

async function isMember(client: Queryable, role: string, kinds: readonly string[]): Promise<boolean> {
  const { rows } = await client.query(
    'SELECT bool_and(pg_has_role(current_user, $1::name, kind)) AS is FROM unnest($2::text[]) AS kind',
    [role, kinds],
  );
  return rows[0]?.is === true;
}

/** Runs a statement that may fail without ending the transaction. The SQLSTATE of what it failed with, or null. */
async function attempt(
  client: Queryable,
  sql: string,
  harmless: readonly string[] = [],
): Promise<string | null> {
  await client.query('SAVEPOINT colophon_owner');
  try {
    await client.query(sql);
    await client.query('RELEASE SAVEPOINT colophon_owner');
    return null;
  } catch (error) {
    const state = (error as { code?: string }).code ?? '';
    if (!/^[0-9A-Z]{5}$/.test(state)) throw error;
    await client.query('ROLLBACK TO SAVEPOINT colophon_owner');
    return harmless.includes(state) ? null : state;
  }
}
