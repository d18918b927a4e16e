import {
  ColophonError,
  endsConnection,
  type KnownSqlstate,
  knownSqlstate,
  tlsError,
} from '@colophon/protocol';
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

/** What only setting up meets. */
const OWN_SQLSTATES: Readonly<Record<string, KnownSqlstate>> = {
  '53300': { code: 'CONNECTION_FAILED', remedy: 'free connections, or raise max_connections' },
  '53400': {
    code: 'NO_FREE_SLOT',
    remedy: 'drop a replication slot that nobody needs, or raise max_replication_slots',
  },
};

/**
 * What went wrong between us and a server, in one line with the remedy. `target` says which server, without a password.
 * A ColophonError stays as it is.
 */
export function connectionError(error: unknown, target: string): ColophonError {
  if (error instanceof ColophonError) return error;
  const ofTls = tlsError(error, target);
  if (ofTls !== undefined) return ofTls;
  const code = errorCode(error);
  const known = code === undefined ? undefined : (OWN_SQLSTATES[code] ?? knownSqlstate(code));
  const text = errorText(error);
  if (known !== undefined) {
    return new ColophonError(known.code, `${target} said "${text}": ${known.remedy}.`, {
      cause: error,
      details: { sqlstate: code ?? '' },
    });
  }
  if (error instanceof pg.DatabaseError && code !== undefined && !endsConnection(code) && code !== '57014') {
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
