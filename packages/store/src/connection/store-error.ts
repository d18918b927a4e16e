import {
  ColophonError,
  endsConnection,
  type KnownSqlstate,
  knownSqlstate,
  tlsError,
} from '@colophon/protocol';

/** SQLSTATE that `colophon.advance_position` raises where another consumer has moved the position. */
export const OVERTAKEN = 'CP001';

const NO_STORE: KnownSqlstate = { code: 'STORE_MISSING', remedy: 'run `colophon init`, or migrateStore()' };

/** What only the store meets. */
const OWN_SQLSTATES: Readonly<Record<string, KnownSqlstate>> = {
  '3F000': NO_STORE,
  '42P01': NO_STORE,
  '25006': {
    code: 'SINK_FAILED',
    remedy: 'the server is read-only: let it be written to, or name the primary in the URL',
  },
  '53100': { code: 'SINK_FAILED', remedy: "make room on the store's disk" },
  '53300': {
    code: 'CONNECTION_FAILED',
    remedy: 'raise max_connections, or end connections that nobody needs',
  },
};

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ENOENT',
]);
/** Classes of SQLSTATE whose messages quote values. */
const QUOTES_DATA = /^(22|23|54)/;
/** What may pass by itself: a full disk, too many connections, a lock, a deadlock, a cancelled statement, a restart, a standby that is promoted; XX000 is also what a disk quota says. */
const PASSES = /^(08|40|53|57|58|25006|55P03|XX000)/;
/** What a server says because of the values it was given: it would say the same again. */
const OF_THE_RECORD = /^(22|23|54|XX000$)/;

/** The fields of an error of node-postgres that are used. */
interface ServerError {
  readonly code?: string;
  readonly message: string;
}

/** The SQLSTATE, or Node's name of a socket error; empty where there is neither. */
export function errorState(error: unknown): string {
  const code = (error as ServerError | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

/** Whether a record was refused for what it holds, and not for the state of server or connection. */
export function isOfTheRecord(state: string): boolean {
  return OF_THE_RECORD.test(state);
}

/**
 * What PostgreSQL or the socket said about the store, as a `ColophonError`. `doing` is the sentence's start:
 * "The store could not be opened". Messages that may quote stored values are left out, and so is the error underneath.
 */
export function storeError(error: unknown, doing: string, connected = true): ColophonError {
  if (error instanceof ColophonError) return error;
  const ofTls = tlsError(error, 'The store');
  if (ofTls !== undefined) return ofTls;
  const state = errorState(error);
  const quotesData = QUOTES_DATA.test(state);
  const said = quotesData ? `SQLSTATE ${state}` : describe(error, state);
  const options = { ...(quotesData ? {} : { cause: error }), details: { sqlstate: state } };
  const known = OWN_SQLSTATES[state] ?? knownSqlstate(state);
  if (known !== undefined) {
    return new ColophonError(known.code, `${doing}: ${said}; ${known.remedy}.`, {
      ...options,
      retryable: PASSES.test(state),
    });
  }
  if (!connected) {
    return new ColophonError('CONNECTION_FAILED', `${doing}: ${said}; check host and port in the URL.`, {
      ...options,
      retryable: true,
    });
  }
  // Without a code it is node-postgres saying that the connection ended.
  if (state === '' || endsConnection(state) || UNREACHABLE.has(state)) {
    return new ColophonError(
      'CONNECTION_LOST',
      `${doing}: ${said}; it is tried again from the position stored.`,
      {
        ...options,
        retryable: true,
      },
    );
  }
  return new ColophonError('SINK_FAILED', `${doing}: ${said}; see the server's log.`, {
    ...options,
    retryable: PASSES.test(state),
  });
}

function describe(error: unknown, state: string): string {
  const message = error instanceof Error && error.message !== '' ? error.message : String(error);
  // A host with several addresses gives an AggregateError without a message.
  const text = error instanceof AggregateError && error.message === '' ? state : message;
  return text.replace(/\s+/g, ' ').replace(/[.;]$/, '');
}
