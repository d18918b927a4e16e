import { ColophonError, type ErrorCode } from '@colophon/protocol';
import pg from 'pg';
import { redact } from './redact.js';

/** The SQLSTATE of a PostgreSQL error or the code of a Node error, if it has one. */
function errorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** An error's own words on one line, without passwords. A failed attempt on several addresses has words only inside. */
export function errorText(error: unknown): string {
  const inner = (error as { errors?: unknown[] } | null)?.errors;
  if (Array.isArray(inner) && inner.length > 0) return [...new Set(inner.map(errorText))].join('; ');
  const text =
    error instanceof Error && error.message !== '' ? error.message : String(errorCode(error) ?? error);
  return redact(text.replace(/\s+/g, ' ').trim());
}

const BY_SQLSTATE: Record<string, readonly [ErrorCode, string]> = {
  '28P01': ['AUTHENTICATION_FAILED', 'check user and password in the connection URL'],
  '28000': ['AUTHENTICATION_FAILED', 'check the user, and that pg_hba.conf lets it in from here'],
  '3D000': ['DATABASE_MISSING', 'check the database name at the end of the connection URL'],
  '53300': ['CONNECTION_FAILED', 'free connections, or raise max_connections'],
  '55P03': ['LOCK_TIMEOUT', 'wait for who holds the lock (pg_stat_activity), then try again'],
  '53400': ['NO_FREE_SLOT', 'drop a replication slot that nobody needs, or raise max_replication_slots'],
  '42501': ['PRIVILEGE_MISSING', 'grant the right, or connect as a role that has it'],
};

/**
 * What went wrong between us and a server, in one line with the remedy. `target` says which server, without a password.
 * A ColophonError stays as it is.
 */
export function connectionError(error: unknown, target: string): ColophonError {
  if (error instanceof ColophonError) return error;
  const code = errorCode(error);
  const known = code === undefined ? undefined : BY_SQLSTATE[code];
  const text = errorText(error);
  if (known !== undefined) {
    return new ColophonError(known[0], `${target} said "${text}": ${known[1]}.`, {
      cause: error,
      details: { sqlstate: code ?? '' },
    });
  }
  // node-postgres checks the password's kind before it is sent, and says so without a code.
  if (/password must be a string|no password/i.test(text)) {
    return new ColophonError(
      'AUTHENTICATION_FAILED',
      `${target} asks for a password and none is set: put it in the connection URL or in PGPASSWORD.`,
      { cause: error },
    );
  }
  if (
    error instanceof pg.DatabaseError &&
    code !== undefined &&
    !/^(08|57P)/.test(code) &&
    code !== '57014'
  ) {
    return new ColophonError('STATEMENT_FAILED', `${target} refused a statement with ${code}: ${text}.`, {
      cause: error,
      details: { sqlstate: code },
    });
  }
  if (code === '57014') {
    return new ColophonError(
      'TIMEOUT',
      `${target} took too long (${text}): raise --timeout, or look what blocks it in pg_stat_activity.`,
      {
        cause: error,
        retryable: true,
      },
    );
  }
  return new ColophonError(
    'CONNECTION_FAILED',
    `${target} can't be reached (${text}): check host and port in the connection URL, and that the server runs.`,
    { cause: error, retryable: true },
  );
}
