import {
  ColophonError,
  type CommonSqlstate,
  type ErrorCode,
  knownSqlstate,
  tlsError,
} from '@colophon/protocol';
import pg from 'pg';

/** What was being done at the source when an error came. */
export type SourceStep = 'connect' | 'query' | 'start' | 'stream';

/** The names that messages need. */
export interface SourceNames {
  /** Host and database. */
  readonly source: string;
  /** The role that connects, where the URL says it. */
  readonly role?: string | undefined;
  readonly slot: string;
  readonly publication: string;
}

type Explanation = { code: ErrorCode; message: string; retryable?: boolean };

/**
 * Any error from the source as a `ColophonError`: by SQLSTATE and by what was being done, never by text. What may go
 * away by itself is `retryable`.
 */
export function sourceError(error: unknown, step: SourceStep, names: SourceNames): ColophonError {
  if (error instanceof ColophonError) return error;
  const ofTls = tlsError(error, names.source);
  if (ofTls !== undefined) return ofTls;
  const sqlstate = sqlstateOf(error);
  const found =
    (sqlstate === null ? undefined : explain(sqlstate, step, names)) ?? connectionError(error, step, names);
  return new ColophonError(found.code, found.message, {
    cause: error,
    retryable: found.retryable ?? false,
    details: { sqlstate, step, slot: names.slot, publication: names.publication },
  });
}

function sqlstateOf(error: unknown): string | null {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && 'severity' in (error as object)
    ? code
    : null;
}

function explain(sqlstate: string, step: SourceStep, names: SourceNames): Explanation | undefined {
  const { source, slot, publication } = names;
  const role = names.role === undefined ? '…' : pg.escapeIdentifier(names.role);
  switch (sqlstate) {
    case '28P01':
      return known(sqlstate, `${source} refused the password`);
    case '28000':
      return known(sqlstate, `${source} refused the login`);
    case '3D000':
      return known(sqlstate, `There is no database ${source}`);
    case '42501':
      return step === 'query'
        ? {
            code: 'PRIVILEGE_MISSING',
            message: `The role may not read ${source}'s catalog. Grant it CONNECT on the database.`,
          }
        : {
            code: 'PRIVILEGE_MISSING',
            message: `Role ${role} may not replicate from ${source}. Run as a superuser: ALTER ROLE ${role} REPLICATION (on Amazon's servers GRANT rds_replication TO ${role}).`,
          };
    case '42704':
      return step === 'stream'
        ? {
            code: 'PUBLICATION_MISSING',
            message: `Publication ${publication} did not exist yet where slot ${slot} stands. Create the publication first, then drop and create the slot ("colophon drop", "colophon init").`,
          }
        : {
            code: 'SLOT_MISSING',
            message: `There is no replication slot ${slot} at ${source}. Run "colophon init"; what was committed since it was lost is not audited.`,
          };
    case '55006':
      return { code: 'SLOT_IN_USE', message: `Slot ${slot} is in use by another consumer.`, retryable: true };
    case '55000':
      if (step === 'query') return undefined;
      return {
        code: 'SLOT_INVALIDATED',
        message: `Slot ${slot} can no longer be read: the server has removed WAL that it needs, or invalidated it. Drop and create it ("colophon drop", "colophon init"); what was committed in between is not audited.`,
      };
    default:
      return undefined;
  }
}

function known(sqlstate: CommonSqlstate, happened: string): Explanation {
  const { code, remedy } = knownSqlstate(sqlstate);
  return { code, message: `${happened}: ${remedy}.` };
}

// PostgreSQL's own words at the end of a connection (57P01 … 57P05, 08…, 53…) and the system's: all may pass.
function connectionError(error: unknown, step: SourceStep, names: SourceNames): Explanation {
  const reason = error instanceof Error ? reasonOf(error) : 'unknown reason';
  return step === 'connect'
    ? {
        code: 'CONNECTION_FAILED',
        message: `Cannot connect to ${names.source}: ${reason}. Check host and port, and that the server runs.`,
        retryable: true,
      }
    : {
        code: 'CONNECTION_LOST',
        message: `Lost the connection to ${names.source}: ${reason}.`,
        retryable: true,
      };
}

function reasonOf(error: Error): string {
  // Of several addresses tried Node gives an error without a message.
  if (error instanceof AggregateError && error.message === '') {
    return [...new Set(error.errors.map((one) => (one instanceof Error ? one.message : String(one))))].join(
      ', ',
    );
  }
  return error.message.replace(/\s+/g, ' ').replace(/\.$/, '');
}
