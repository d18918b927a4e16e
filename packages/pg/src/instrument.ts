import { ColophonError, contextRedactor } from '@colophon/protocol';
import { contextCapture } from './capture-context.js';
import { EmissionRights } from './emission-rights.js';
import { wireShape } from './emission-shape.js';
import { hookClient, type Instrumentation } from './instrument-client.js';
import { hookPool } from './instrument-pool.js';
import { type ClientLike, isClient, isNative, isPool } from './node-postgres.js';
import type { InstrumentOptions } from './options.js';
import { signing } from './sign-emissions.js';

/** Kept on the object itself, where another copy of this package finds it too. */
const HOOKED: unique symbol = Symbol.for('@colophon/pg/1') as never;

/** Likewise, on the process. */
const DEFAULTS: unique symbol = Symbol.for('@colophon/pg/defaults/1') as never;

type WithDefaults = { [DEFAULTS]?: InstrumentOptions };
type Hooked = { [HOOKED]?: () => void };

/**
 * Makes a node-postgres Pool or Client context-aware and gives the same object: each write carries, in the same round trip, the context that was in force
 * when the application asked for the query. Results, errors, events and round trips stay as they were.
 * Works by shape: for subclasses, for a pool with a Client class of its own, for any copy of pg from 8.11 on. Doing it again changes nothing.
 * Throws `UNSUPPORTED_CLIENT` for pg-native and for what is neither pool nor client, `INVALID_OPTION` for an unusable option.
 */
export function instrument<Target extends object>(target: Target, given: InstrumentOptions = {}): Target {
  const options = { ...(globalThis as WithDefaults)[DEFAULTS], ...given };
  checkInstrumentOptions(options);
  checkTarget(target);
  if ((target as Hooked)[HOOKED] !== undefined) return target;
  const shared: Instrumentation = {
    shape: wireShape(options),
    capture: contextCapture(options),
    sign: signing(options),
    rights: new EmissionRights(options.onEmissionRefused ?? ((error) => process.emitWarning(error))),
  };
  if (!isPool(target)) {
    hookOne(target as unknown as ClientLike, shared);
    return target;
  }
  const undo = hookPool(target, (client) => {
    checkTarget(client);
    hookOne(client, shared);
  });
  for (const client of target._clients) hookOne(client, shared);
  remember(target, undo);
  return target;
}

/**
 * Options for every pool and client that is instrumented from now on, by whomever: for `@colophon/pg/register` and adapters that take none. What `instrument` is
 * given goes before them. Throws `INVALID_OPTION`.
 */
export function setInstrumentDefaults(options: InstrumentOptions): void {
  checkInstrumentOptions(options);
  (globalThis as WithDefaults)[DEFAULTS] = options;
}

/** Takes from a pool, with its clients, or from a client what `instrument` gave it, and gives the same object. For others it does nothing. */
export function uninstrument<Target extends object>(target: Target): Target {
  if (isPool(target)) for (const client of target._clients) (client as Hooked)[HOOKED]?.();
  (target as Hooked)[HOOKED]?.();
  return target;
}

function hookOne(client: ClientLike, shared: Instrumentation): void {
  if ((client as Hooked)[HOOKED] === undefined) remember(client, hookClient(client, shared));
}

function remember(target: object, undo: () => void): void {
  const value = () => {
    undo();
    delete (target as Hooked)[HOOKED];
  };
  Object.defineProperty(target, HOOKED, { value, configurable: true, enumerable: false });
}

function checkTarget(target: object): void {
  if (typeof target === 'object' && target !== null) {
    if (isPool(target) && !isNative(target.Client.prototype)) return;
    if (!isPool(target) && isClient(target)) return;
    if (isNative(isPool(target) ? target.Client.prototype : target)) {
      throw new ColophonError(
        'UNSUPPORTED_CLIENT',
        'instrument was given a client of pg-native, wanted one of pg itself: pg-native cannot send two statements in one round trip, so use pg without native.',
      );
    }
  }
  throw new ColophonError(
    'UNSUPPORTED_CLIENT',
    `instrument was given ${target === null ? 'null' : `a ${typeof target} of another kind`}, wanted a Pool or Client of pg (8.11 or later).`,
  );
}

/** Throws `INVALID_OPTION` for options that `instrument` could not use: for who takes them long before there is something to instrument. */
export function checkInstrumentOptions(options: InstrumentOptions): void {
  const { prefix, shape = 'colophon', maxBytes, redact = {}, redactionKey, sign } = options;
  if (prefix !== undefined && (typeof prefix !== 'string' || prefix === '' || prefix.includes('\0'))) {
    throw new ColophonError('INVALID_OPTION', 'prefix is empty or no text, wanted a name such as colophon.');
  }
  if (shape !== 'colophon' && shape !== 'sequin' && typeof shape !== 'function') {
    throw new ColophonError(
      'INVALID_OPTION',
      `shape is ${JSON.stringify(shape)}, wanted colophon, sequin or a function.`,
    );
  }
  if (shape === 'sequin' && prefix !== undefined) {
    throw new ColophonError(
      'INVALID_OPTION',
      'Both prefix and shape sequin are given: Sequin has a prefix of its own.',
    );
  }
  if (shape !== 'colophon' && sign !== undefined) {
    throw new ColophonError(
      'INVALID_OPTION',
      'Both sign and another shape than colophon are given: only the consumer of Colophon knows signatures.',
    );
  }
  if (maxBytes !== undefined && !(Number.isSafeInteger(maxBytes) && maxBytes > 0)) {
    throw new ColophonError('INVALID_OPTION', `maxBytes is ${String(maxBytes)}, wanted a positive integer.`);
  }
  contextRedactor(redact, redactionKey);
  signing(options);
  const audience = sign?.audience ?? '';
  if (typeof audience !== 'string' || audience.includes('\0')) {
    throw new ColophonError('INVALID_OPTION', "sign.audience is no text, wanted the database's name.");
  }
}
