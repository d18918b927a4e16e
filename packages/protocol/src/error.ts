/** Every code that a `ColophonError` can carry. Part of semantic versioning: never renamed within a major version. */
export const ERROR_CODES = [
  'INVALID_LSN',
  'INVALID_OPTION',
  'INVALID_CONTEXT',
  'NO_ACTIVE_CONTEXT',
  'CARRIER_CONFLICT',
  'CONTEXT_FAILED',
  'MIDDLEWARE_LATE',
  'REGISTERED_TWICE',
  'UNSUPPORTED_CLIENT',
  'CONNECTION_FAILED',
  'CONNECTION_LOST',
  'AUTHENTICATION_FAILED',
  'TLS_FAILED',
  'DATABASE_MISSING',
  'UNSUPPORTED_SERVER',
  'WAL_LEVEL',
  'PRIVILEGE_MISSING',
  'PUBLICATION_MISSING',
  'PUBLICATION_UNSUITABLE',
  'SLOT_MISSING',
  'SLOT_IN_USE',
  'SLOT_INVALIDATED',
  'SLOT_WRONG_PLUGIN',
  'SLOT_WRONG_DATABASE',
  'NO_FREE_SLOT',
  'TABLE_MISSING',
  'TABLE_UNSUITABLE',
  'LOCK_TIMEOUT',
  'BASELINE_INCOMPLETE',
  'IMPORT_INCOMPLETE',
  'IMPORT_ROW_UNREADABLE',
  'STORE_MISSING',
  'STORE_OUTDATED',
  'STORE_TOO_NEW',
  'STORE_BUSY',
  'SOURCE_CHANGED',
  'SOURCE_UNREADABLE',
  'PROTOCOL_VIOLATION',
  'SINK_FAILED',
  'RECORD_UNSTORED',
  'STOPPED',
  'TIMEOUT',
  'SPOOL_FAILED',
  'STATEMENT_FAILED',
  'REDACTION_IMPOSSIBLE',
  'WAL_RETAINED',
  'LISTEN_FAILED',
] as const;

/** What went wrong, for programs. The list with remedies is in `docs/errors.md`. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** What a `ColophonError` carries besides its code and message. */
export interface ErrorOptions {
  /** The error underneath. */
  cause?: unknown;
  /** Whether trying the same again, unchanged, may work. Default false. */
  retryable?: boolean;
  /** Small facts for programs: names and numbers, never row data, context or a password. */
  details?: Readonly<Record<string, string | number | boolean | null>>;
}

/**
 * Every error that Colophon itself raises. The message says what happened, what was seen against what was wanted,
 * and what to do; it never holds row data, context contents or a password.
 */
export class ColophonError extends Error {
  override readonly name = 'ColophonError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, string | number | boolean | null>>;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
  }
}
