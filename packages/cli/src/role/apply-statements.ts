import { ColophonError } from '@colophon/protocol';
import type { Connection, RoleStatement } from '@colophon/setup';
import { visible } from '../render/display-text.js';
import type { Terminal } from '../terminal.js';

/** Runs the statements as one transaction and shows each; with `isDry` only prints them. */
export async function applyStatements(
  connection: Connection,
  statements: readonly RoleStatement[],
  terminal: Terminal,
  isDry: boolean,
): Promise<void> {
  if (statements.length === 0) return;
  if (isDry) {
    await terminal.out(`${statements.map(({ shown }) => `${visible(shown)};`).join('\n')}\n`);
    return;
  }
  try {
    await connection.query(statements.map(({ sql }) => sql).join(';\n'));
  } catch (error) {
    throw explainReplication(error, statements);
  }
  for (const { shown } of statements) terminal.talk(`✓ ${visible(shown)}`);
}

/** Who may not give REPLICATION is told who may: before PostgreSQL 16 a superuser alone. */
function explainReplication(error: unknown, statements: readonly RoleStatement[]): unknown {
  const replication = statements.find(({ shown }) =>
    / ROLE .* REPLICATION|^GRANT rds_replication/.test(shown),
  );
  if (replication === undefined || !(error instanceof ColophonError) || error.code !== 'PRIVILEGE_MISSING') {
    return error;
  }
  return new ColophonError(
    'PRIVILEGE_MISSING',
    `${error.message.replace(/: grant the right, or .*$/, '')}: a superuser, or since PostgreSQL 16 a role with CREATEROLE and REPLICATION, runs ${replication.shown}; then the same command gives the rest. Nothing was changed.`,
    { cause: error, details: error.details },
  );
}
