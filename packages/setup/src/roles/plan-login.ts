import type { Connection } from '../connect.js';
import { quoteIdentifier, quoteLiteral } from '../quote.js';
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

/**
 * What lets the role copy the published tables as they are, for the baseline: USAGE on their schemas, SELECT on them; of a
 * partitioned table on its partitions, since they are copied one by one.
 */
export async function planSelect(
  connection: Connection,
  publication: string,
  role: string,
): Promise<RoleStatement[]> {
  const rows = await connection.query<{ schema: string; table: string }>(
    `SELECT DISTINCT n.nspname AS schema, c.relname AS "table" FROM pg_publication p
       JOIN pg_publication_rel r ON r.prpubid = p.oid
       CROSS JOIN LATERAL (
         SELECT relid::oid AS oid FROM pg_partition_tree(r.prrelid) WHERE isleaf
         UNION SELECT r.prrelid WHERE NOT EXISTS (SELECT FROM pg_partition_tree(r.prrelid))) leaf
       JOIN pg_class c ON c.oid = leaf.oid AND c.relkind <> 'f'
       JOIN pg_namespace n ON n.oid = c.relnamespace WHERE p.pubname = $1 ORDER BY 1, 2`,
    [publication],
  );
  const to = quoteIdentifier(role);
  const schemas = [...new Set(rows.map((row) => row.schema))];
  return [
    ...schemas.map((schema) => plain(`GRANT USAGE ON SCHEMA ${quoteIdentifier(schema)} TO ${to}`)),
    ...rows.map(({ schema, table }) =>
      plain(`GRANT SELECT ON TABLE ${quoteIdentifier(schema)}.${quoteIdentifier(table)} TO ${to}`),
    ),
  ];
}

function plain(sql: string): RoleStatement {
  return { sql, shown: sql };
}
