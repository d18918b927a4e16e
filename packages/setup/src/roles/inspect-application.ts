import { quoteIdentifier } from '@colophon/protocol';
import type { Connection } from '../connect.js';

interface Found {
  isSuperuser: boolean;
  replicates: boolean;
  owner: string | null;
  mayWrite: boolean;
}

/**
 * What an application's role may and should not, each with its remedy; nothing of a role that isn't there. What is in an
 * application's reach is in the reach of whoever finds a hole in it.
 */
export async function inspectApplication(connection: Connection, role: string): Promise<string[]> {
  const [found] = await connection.query<Found>(
    `SELECT r.rolsuper AS "isSuperuser",
            r.rolreplication OR EXISTS (SELECT FROM pg_roles a WHERE a.rolname = 'rds_replication'
              AND pg_has_role(r.oid, a.oid, 'USAGE')) AS replicates,
            (SELECT o.rolname FROM pg_class c JOIN pg_roles o ON o.oid = c.relowner
              WHERE c.relnamespace = to_regnamespace('colophon') AND c.relname = 'change_records'
                AND pg_has_role(r.oid, o.oid, 'MEMBER')) AS owner,
            EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = to_regnamespace('colophon')
              AND c.relname IN ('change_records', 'segments')
              AND has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')) AS "mayWrite"
       FROM pg_roles r WHERE r.rolname = $1`,
    [role],
  );
  if (found === undefined) return [];
  const name = quoteIdentifier(role);
  if (found.isSuperuser) {
    return [
      `Role ${name} is a superuser, so the application could change audit records: let it connect as another role`,
    ];
  }
  const faults: string[] = [];
  if (found.replicates) {
    faults.push(
      `Role ${name} may replicate, so the application could read every table's changes, and it never needs to: ALTER ROLE ${name} NOREPLICATION`,
    );
  }
  if (found.owner !== null) {
    const remedy =
      found.owner === role
        ? 'run colophon init as a role with CREATEROLE, which gives the store an owner of its own'
        : `REVOKE ${quoteIdentifier(found.owner)} FROM ${name}`;
    faults.push(
      `Role ${name} may act as the store's owner ${found.owner}, so it could change audit records: ${remedy}`,
    );
  } else if (found.mayWrite) {
    faults.push(
      `Role ${name} may add audit records, so the application could forge them: REVOKE ALL ON ALL TABLES IN SCHEMA colophon FROM ${name}`,
    );
  }
  return faults;
}
