import { quoteIdentifier } from '@colophon/protocol';
import type { Provider } from '../provider/provider.js';
import type { SourceState } from '../source-state.js';
import { type Check, found, ok } from './check.js';
import { runSql } from './fix.js';
import type { SourceHealth } from './source-health.js';

/** A replication connection, one for the catalog, four for the store, and one to spare for other commands. */
const NEEDED_CONNECTIONS = 7;

/** Looks at what the role may do at the source, and what the server allows it. */
export function diagnoseRole({ role, server, publication }: SourceState, provider: Provider): Check[] {
  const checks: Check[] = [];
  if (!role.canReplicate) {
    checks.push(
      found('role.replication', `${role.name} has no REPLICATION right`, provider.replication(role.name)),
    );
  }
  if (publication === null && !role.canCreate) {
    checks.push(
      found(
        'role.create',
        `${role.name} may not create a publication in database ${server.database}`,
        runSql(
          [`GRANT CREATE ON DATABASE ${quoteIdentifier(server.database)} TO ${quoteIdentifier(role.name)}`],
          null,
        ),
      ),
    );
  }
  return checks.length > 0 ? checks : [ok('role', `${role.name} may replicate`)];
}

/** Looks at the settings and limits that the role meets. */
export function diagnoseLimits({ role, server }: SourceState, health: SourceHealth): Check[] {
  const name = quoteIdentifier(role.name);
  const checks: Check[] = [];
  if (health.roleLimit >= 0 && health.roleLimit - health.roleConnections < NEEDED_CONNECTIONS) {
    checks.push(
      found(
        'connections.role',
        `role ${role.name} may have ${health.roleLimit} connections, ${health.roleConnections} are in use, run needs ${NEEDED_CONNECTIONS}`,
        runSql(
          [`ALTER ROLE ${name} CONNECTION LIMIT ${health.roleConnections + 2 * NEEDED_CONNECTIONS}`],
          null,
        ),
      ),
    );
  }
  if (health.databaseLimit >= 0 && health.databaseLimit - health.databaseConnections < NEEDED_CONNECTIONS) {
    checks.push(
      found(
        'connections.database',
        `database ${server.database} may have ${health.databaseLimit} connections, ${health.databaseConnections} are in use, run needs ${NEEDED_CONNECTIONS}`,
        runSql(
          [
            `ALTER DATABASE ${quoteIdentifier(server.database)} CONNECTION LIMIT ${health.databaseConnections + 2 * NEEDED_CONNECTIONS}`,
          ],
          null,
        ),
      ),
    );
  }
  if (checks.length === 0) checks.push(ok('connection limit', 'room for run'));
  checks.push(
    health.transactionTimeoutMs > 0
      ? found(
          'timeouts.transaction',
          `transaction_timeout is ${health.transactionTimeoutMs / 1000} s for role ${role.name}`,
          runSql([`ALTER ROLE ${name} SET transaction_timeout = 0`], null),
        )
      : ok(
          'timeouts',
          health.statementTimeoutMs > 0
            ? `statement_timeout is ${health.statementTimeoutMs / 1000} s for role ${role.name}; Colophon sets its own where it matters`
            : 'none that would end a COPY',
        ),
  );
  checks.push(
    health.isReadOnly
      ? found(
          'read-only.default',
          `default_transaction_read_only is on for role ${role.name}`,
          runSql([`ALTER ROLE ${name} SET default_transaction_read_only = off`], null),
        )
      : ok('read only', 'transactions may write'),
  );
  return checks;
}
