import type {
  ColophonError,
  Context,
  ContextText,
  RedactionKey,
  RedactionRule,
  SignatureKey,
} from '@colophon/protocol';

/** How a pool or client is instrumented. */
export interface InstrumentOptions {
  /** The prefix of its emissions; the consumer must know it. Default `colophon`. */
  prefix?: string;
  /**
   * The form of its emissions, for who reads them with something else than Colophon: `sequin`, or a function. Default `colophon`, which Debezium
   * reads as it is. See docs/debezium-and-sequin.md for what each can say.
   */
  shape?: EmissionShape;
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
  /**
   * What of a context never leaves the application, by path: `{ token: 'drop', 'headers.authorization': 'mask', 'user.email': 'hash' }`. Lists are looked
   * through; `*` is any key. Done once a context, before it is sent. Default: nothing.
   */
  redact?: Readonly<Record<string, RedactionRule>>;
  /** The key for `hash` in `redact`. */
  redactionKey?: RedactionKey;
  /**
   * Gives the context that is sent in place of the one in force, for what `redact` can't say. Must be quick; called once for a context that can't change.
   * `null` and `undefined` mean none. Where it throws, `{"colophon.error": …}` is sent and `onContextError` told.
   */
  filterContext?: (context: Context) => Context | null | undefined;
  /** Told once a pool when `filterContext` or `shape` throws. The error's `cause` is what it threw. Default: a process warning. */
  onContextError?: (error: ColophonError) => void;
  /** Signs each emission, so that the consumer can tell a forged or replayed context. Default: nothing is signed. */
  sign?: SigningOptions;
}

/**
 * The form of an emission.
 *
 * - `colophon`: the context as JSON under the prefix; under `<prefix>.trail` where it also names what came before it.
 * - `sequin`: Sequin's transaction annotations, `sequin:transaction_annotations.set` and `.clear`. They name only what follows: what a statement
 *   wrote of which only the server knows that it writes has none.
 * - a function: gives prefix and content of the message. Called for each emission, so it must be quick. Where it throws, `{"colophon.error": …}` is
 *   sent under `prefix`, and `onContextError` told.
 */
export type EmissionShape = 'colophon' | 'sequin' | ((emission: ShapedEmission) => ShapedMessage);

/** An emission that is about to be sent. */
export interface ShapedEmission {
  /** `lead`: names what is written after it in its transaction. `trail`: also what was written before it, back to the previous emission. */
  readonly kind: 'lead' | 'trail';
  /** JSON, in ASCII. `{}`: from here on nobody is named. */
  readonly context: ContextText;
}

/** A logical message. */
export interface ShapedMessage {
  readonly prefix: string;
  /** Characters beyond ASCII are sent as JSON escapes. */
  readonly content: string;
}

/** How emissions are signed. */
export interface SigningOptions {
  /** The key; the consumer must know it under the same id. */
  readonly key: SignatureKey;
  /** For whom the signature is good. Default: the name of the database that is connected to; to be set, here and at the consumer, where a pooler calls it otherwise. */
  readonly audience?: string;
}
