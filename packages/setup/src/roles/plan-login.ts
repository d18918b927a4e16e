import { quoteIdentifier, quoteLiteral } from '@colophon/protocol';
import type { Connection } from '../connect.js';
import { scramVerifier } from './scram-verifier.js';

/** A role that logs in. */
export interface LoginWish {
  readonly role: string;
  /** Null leaves it as it is; a new role then has none. */
  readonly password: string | null;
  /** Whether it is to read the log. */
  readonly replicates: boolean;
}

/** A statement, and as it may be shown: without what could be a secret. */
export interface RoleStatement {
  readonly sql: string;
  readonly shown: string;
}

/**
 * Decides what makes the role as wished, from how it is; nothing where it is so. Asks the server, changes nothing.
 * Amazon's servers give replication by membership of `rds_replication`.
 */
export async function planLogin(connection: Connection, wish: LoginWish): Promise<RoleStatement[]> {
  const [found] = await connection.query<{ login: boolean; replicates: boolean; amazon: boolean }>(
    `SELECT r.rolcanlogin AS login,
            coalesce(r.rolreplication OR r.rolsuper OR pg_has_role(r.oid, a.oid, 'USAGE'), r.rolreplication) AS replicates,
            a.oid IS NOT NULL AS amazon
       FROM (VALUES (1)) one LEFT JOIN pg_roles r ON r.rolname = $1 LEFT JOIN pg_roles a ON a.rolname = 'rds_replication'`,
    [wish.role],
  );
  const { login, replicates, amazon } = found!;
  const name = quoteIdentifier(wish.role);
  const options: string[] = [];
  if (login !== true) options.push('LOGIN');
  if (wish.replicates && replicates !== true && !amazon) options.push('REPLICATION');
  const secret = wish.password === null ? [] : [`PASSWORD ${quoteLiteral(scramVerifier(wish.password))}`];
  const shown = wish.password === null ? [] : ["PASSWORD '***'"];
  const statements: RoleStatement[] = [];
  if (options.length + secret.length > 0) {
    const start = `${login === null ? 'CREATE' : 'ALTER'} ROLE ${name}`;
    statements.push({
      sql: [start, ...options, ...secret].join(' '),
      shown: [start, ...options, ...shown].join(' '),
    });
  }
  if (wish.replicates && replicates !== true && amazon)
    statements.push(plain(`GRANT rds_replication TO ${name}`));
  return statements;
}

function plain(sql: string): RoleStatement {
  return { sql, shown: sql };
}
