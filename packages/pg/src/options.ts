import type { ColophonError, Context } from '@colophon/protocol';

/** How a pool or client is instrumented. */
export interface InstrumentOptions {
  /** The prefix of its emissions; the consumer must know it. Default `colophon`. */
  prefix?: string;
  /** The largest context in bytes of JSON; a larger one is replaced whole by `{"colophon.error": …}`. Default 65,536. */
  maxBytes?: number;
  /**
   * Gives the context of a call, in place of `currentContext()` of `@colophon/context`. Called at every query, so it must be cheap; the object
   * must not be changed afterwards. `null` and `undefined` mean none. Where it throws, the context is `{"colophon.error": …}`.
   */
  context?: () => Context | null | undefined;
  /**
   * Told once a pool when PostgreSQL refuses the emission (EXECUTE on `pg_logical_emit_message` revoked): its writes go on, without a name.
   * Default: a process warning, since names that get lost must not do so in silence.
   */
  onEmissionRefused?: (error: ColophonError) => void;
}
