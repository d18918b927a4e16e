import { ColophonError, quoteIdentifier } from '@colophon/protocol';
import type { Connection } from '../connect.js';
import type { RoleStatement } from './plan-login.js';

/** What a role needs at a source besides logging in. */
export interface SourceRights {
  /** To call `pg_logical_emit_message`: the application's emission, and the marker of `run --once`. */
  readonly emits: boolean;
}

/**
 * Decides what the role lacks to come into the connected database, and to emit where it is to. PUBLIC has both unless somebody
 * took it away, so this is mostly nothing. A role that isn't there yet has what PUBLIC has. Asks the server, changes nothing.
 */
export async function planSourceRights(
  connection: Connection,
  role: string,
  { emits }: SourceRights,
): Promise<RoleStatement[]> {
  const [found] = await connection.query<{
    database: string;
    connects: boolean;
    function: string;
    emits: boolean;
  }>(
    `SELECT current_database() AS database, has_database_privilege(g.name, current_database(), 'CONNECT') AS connects,
            p.oid::regprocedure::text AS function, has_function_privilege(g.name, p.oid, 'EXECUTE') AS emits
       FROM (SELECT coalesce((SELECT rolname::text FROM pg_roles WHERE rolname = $1), 'public') AS name) g,
            pg_proc p
      WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = 'pg_logical_emit_message'
        AND p.proargtypes[2] = 'text'::regtype`,
    [role],
  );
  const to = quoteIdentifier(role);
  const statements: string[] = [];
  if (!found!.connects)
    statements.push(`GRANT CONNECT ON DATABASE ${quoteIdentifier(found!.database)} TO ${to}`);
  if (emits && !found!.emits) statements.push(`GRANT EXECUTE ON FUNCTION ${found!.function} TO ${to}`);
  return statements.map((sql) => ({ sql, shown: sql }));
}

/** To be called once they were run: PostgreSQL only warns where a GRANT gave nothing. Throws `PRIVILEGE_MISSING`. */
export async function checkSourceRights(
  connection: Connection,
  role: string,
  rights: SourceRights,
): Promise<void> {
  const missing = await planSourceRights(connection, role, rights);
  if (missing.length === 0) return;
  throw new ColophonError(
    'PRIVILEGE_MISSING',
    `${connection.target}: the connected role may not give what ${quoteIdentifier(role)} lacks: the owner of the database or the function, or a superuser, runs ${missing.map(({ sql }) => sql).join('; ')}.`,
  );
}
