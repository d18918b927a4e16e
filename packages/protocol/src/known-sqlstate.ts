import type { ErrorCode } from './error.js';

/** What a SQLSTATE means wherever Colophon connects. */
export interface KnownSqlstate {
  readonly code: ErrorCode;
  /** What to do about it, as the end of a sentence: begins small, ends without a full stop. */
  readonly remedy: string;
}

/** The SQLSTATEs that mean the same at the source and at the store. */
export type CommonSqlstate = '28P01' | '28000' | '3D000' | '42501' | '55P03';

const KNOWN: Readonly<Record<CommonSqlstate, KnownSqlstate>> = {
  '28P01': { code: 'AUTHENTICATION_FAILED', remedy: 'check user and password in the connection URL' },
  '28000': {
    code: 'AUTHENTICATION_FAILED',
    remedy: 'check that the role exists and may log in, and that pg_hba.conf lets it in from here',
  },
  '3D000': {
    code: 'DATABASE_MISSING',
    remedy: 'check the database name at the end of the connection URL, or create the database',
  },
  '42501': { code: 'PRIVILEGE_MISSING', remedy: 'grant the right, or connect as a role that has it' },
  '55P03': {
    code: 'LOCK_TIMEOUT',
    remedy: 'wait for who holds the lock (pg_stat_activity), then try again',
  },
};

/**
 * What this SQLSTATE means, with its remedy; undefined for one that means nothing by itself, and for what is no SQLSTATE.
 * What only one part of Colophon meets stands there.
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export function knownSqlstate(sqlstate: CommonSqlstate): KnownSqlstate;
export function knownSqlstate(sqlstate: string): KnownSqlstate | undefined;
export function knownSqlstate(sqlstate: string): KnownSqlstate | undefined {
  return Object.hasOwn(KNOWN, sqlstate) ? KNOWN[sqlstate as CommonSqlstate] : undefined;
}

/** Whether a server says by this SQLSTATE that the connection is over: connection exceptions, and shutting down in all its forms. */
export function endsConnection(sqlstate: string): boolean {
  return /^(08|57P)/.test(sqlstate);
}
