import { ColophonError, endClient } from '@colophon/protocol';
import { type ConnectOptions, connectStore } from '../connection/connect-store.js';
import type { Queryable } from '../migrate/store-version.js';
import { grantStatement, type Right, type RoleKind, STORE_RIGHTS } from './store-rights.js';

/** What the connected role is to the store. */
export interface RoleRights {
  readonly role: string;
  readonly owner: string;
  readonly ownerCanLogIn: boolean;
  /** Whether it could change or delete audit records: a superuser, the owner, a member of it. */
  readonly mayChange: boolean;
  /** Whether it may read them. */
  readonly mayRead: boolean;
  /** The GRANTs that it would need to be of the kind. */
  readonly missing: readonly string[];
}

// By oid from the catalog, which needs no right at all.
const RIGHTS = `SELECT w.at, r.rolname AS role, CASE w.kind
   WHEN 'SCHEMA' THEN has_schema_privilege(r.oid, n.oid, w.privilege)
   WHEN 'TABLE' THEN has_table_privilege(r.oid, c.oid, w.privilege)
   WHEN 'SEQUENCE' THEN has_sequence_privilege(r.oid, c.oid, w.privilege)
   ELSE has_function_privilege(r.oid, p.oid, w.privilege) END AS has
 FROM pg_roles r, pg_namespace n CROSS JOIN unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS w(privilege, kind, name, at)
 LEFT JOIN pg_class c ON w.kind IN ('TABLE', 'SEQUENCE') AND c.relnamespace = n.oid AND c.relname = w.name
 LEFT JOIN pg_proc p ON w.kind = 'FUNCTION' AND p.pronamespace = n.oid AND p.proname = w.name
 WHERE r.rolname = coalesce($4::name, current_user) AND n.nspname = 'colophon' ORDER BY w.at`;

const ROLE = `SELECT current_user AS role, o.rolname AS owner, o.rolcanlogin AS "ownerCanLogIn",
   coalesce(bool_or(has_table_privilege(c.oid, 'UPDATE') OR has_table_privilege(c.oid, 'DELETE')
     OR has_table_privilege(c.oid, 'TRUNCATE')), false) AS "mayChange",
   coalesce(bool_and(has_table_privilege(c.oid, 'SELECT')), false) AS "mayRead"
 FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname IN ('change_records', 'segments')
 LEFT JOIN pg_class m ON m.relnamespace = n.oid AND m.relname = 'migrations'
 JOIN pg_roles o ON o.oid = coalesce(m.relowner, n.nspowner)
 WHERE n.nspname = 'colophon' GROUP BY o.rolname, o.rolcanlogin`;

/** The GRANTs that a role lacks to be of this kind; default: the connected one. */
export async function missingGrants(client: Queryable, kind: RoleKind, role?: string): Promise<string[]> {
  const rights = STORE_RIGHTS[kind];
  const part = (of: keyof Right) => rights.map((right) => right[of]);
  const { rows } = await client.query(RIGHTS, [part('privilege'), part('on'), part('name'), role ?? null]);
  return rows
    .filter((row) => row.has === false)
    .map((row) => grantStatement(rights[Number(row.at) - 1]!, row.role as string));
}

/** What the connected role may do in the store; undefined where there is none. */
export async function readRoleRights(client: Queryable, kind: RoleKind): Promise<RoleRights | undefined> {
  const { rows } = await client.query(ROLE);
  if (rows[0] === undefined) return undefined;
  return { ...(rows[0] as Omit<RoleRights, 'missing'>), missing: await missingGrants(client, kind) };
}

/**
 * A refusal (SQLSTATE 42501) with the GRANTs that would have prevented it, asked for on a connection that is in no
 * transaction; the error as it is where that isn't to be found out.
 */
export async function explainRefusal(
  error: ColophonError,
  client: Queryable,
  kind: RoleKind,
): Promise<ColophonError> {
  if (error.code !== 'PRIVILEGE_MISSING') return error;
  const missing = await missingGrants(client, kind).catch(() => []);
  if (missing.length === 0) return error;
  const role = /TO ("(?:[^"]|"")*")$/.exec(missing[0]!)?.[1] ?? '';
  return new ColophonError(
    'PRIVILEGE_MISSING',
    `The store refused role ${role}, which lacks what a ${kind} needs: ${missing.join('; ')}.`,
    { cause: error.cause, details: { ...error.details, missing: missing.length } },
  );
}

/** The same, asked for on a connection of its own: the one that failed is in the middle of something. */
export async function explainAside(
  failure: ColophonError,
  connect: ConnectOptions,
  kind: RoleKind,
): Promise<ColophonError> {
  if (failure.code !== 'PRIVILEGE_MISSING') return failure;
  const client = await connectStore(connect).catch(() => undefined);
  if (client === undefined) return failure;
  const explained = await explainRefusal(failure, client, kind);
  await endClient(client);
  return explained;
}
