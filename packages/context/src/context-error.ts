/** What a `ContextError` can say. The same codes, with the same meaning, as everywhere in Colophon. */
export type ContextErrorCode =
  | 'INVALID_CONTEXT'
  | 'INVALID_OPTION'
  | 'NO_ACTIVE_CONTEXT'
  | 'CARRIER_CONFLICT'
  | 'CONTEXT_FAILED'
  | 'MIDDLEWARE_LATE'
  | 'REGISTERED_TWICE';

/**
 * An error that this package raises. It has the shape of every Colophon error (`name` is `ColophonError`; `code`,
 * `retryable`, `details`), but a class of its own, because this package imports nothing. Match it by `code`.
 */
export class ContextError extends Error {
  override readonly name = 'ColophonError';
  readonly code: ContextErrorCode;
  /** Always false: every one is a mistake in a program. */
  readonly retryable: boolean = false;
  readonly details: Readonly<Record<string, string | number | boolean | null>>;

  constructor(
    code: ContextErrorCode,
    message: string,
    details: Readonly<Record<string, string | number | boolean | null>> = {},
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }
}
