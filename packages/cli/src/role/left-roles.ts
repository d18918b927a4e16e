import { quoteIdentifier } from '@colophon/protocol';
import type { Connection } from '@colophon/setup';

/** A role that has rights in the store, and nothing of its own in this database. */
interface StoreRole {
  name: string;
  /** Whether it owns the store, which it can't log in to. */
  isOwner: boolean;
}

/**
 * The roles that `init` and `role` made for this store, as far as that can be told: all that have rights in it, but for the one
 * that asks, superusers, and those that own anything else here. Gives none where there is no store.
 */
export async function rolesOfStore(connection: Connection): Promise<StoreRole[]> {
  return connection.query<StoreRole & { name: string }>(
    `WITH store AS (SELECT oid, nspowner, nspacl FROM pg_namespace WHERE nspname = 'colophon'), rights AS (
       SELECT aclexplode(nspacl) AS a FROM store
       UNION ALL SELECT aclexplode(c.relacl) FROM pg_class c JOIN store ON store.oid = c.relnamespace
       UNION ALL SELECT aclexplode(p.proacl) FROM pg_proc p JOIN store ON store.oid = p.pronamespace)
     SELECT r.rolname AS name, NOT r.rolcanlogin AND r.oid IN (SELECT nspowner FROM store) AS "isOwner"
       FROM pg_roles r
      WHERE r.oid IN (SELECT (a).grantee FROM rights UNION SELECT nspowner FROM store)
        AND r.rolname <> current_user AND r.rolname !~ '^pg_' AND NOT r.rolsuper
        AND (NOT r.rolcanlogin OR NOT EXISTS (SELECT FROM pg_shdepend d WHERE d.refclassid = 'pg_authid'::regclass
          AND d.refobjid = r.oid AND d.deptype = 'o'
          AND d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))))
      ORDER BY 2, 1`,
  );
}

/** What takes such a role away; the last statement fails where another database still needs it. */
export function dropRoleStatements({ name, isOwner }: StoreRole): string[] {
  const role = quoteIdentifier(name);
  if (isOwner) return [`DROP ROLE ${role}`];
  return [`GRANT ${role} TO CURRENT_USER`, `DROP OWNED BY ${role}`, `DROP ROLE ${role}`];
}
