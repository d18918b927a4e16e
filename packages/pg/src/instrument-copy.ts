import { instrument } from './instrument.js';
import { shadow } from './instrument-client.js';
import { isNative } from './node-postgres.js';

type Method = (this: object, ...args: unknown[]) => unknown;

interface PgClass {
  prototype: Record<string, Method>;
}

/** What `require('pg')` gives. */
export interface PgModule {
  Pool: PgClass;
  Client: PgClass;
}

const HOOKED_COPY: unique symbol = Symbol.for('@colophon/pg/copy/1') as never;

/** Whether these are the exports of a copy of pg. Looks at plain properties only: a getter of another module must not run. */
export function isPgModule(exports: unknown): exports is PgModule {
  if (typeof exports !== 'object' || exports === null) return false;
  return ['Pool', 'Client', 'Query', 'Connection'].every((name) => {
    const value: unknown = Object.getOwnPropertyDescriptor(exports, name)?.value;
    return typeof value === 'function';
  });
}

/**
 * Instruments every Pool and Client of this copy at its first `connect` or `query`. The classes stay the same, so it also reaches who imported
 * them before, subclasses, and pools that are there already. Throws `UNSUPPORTED_CLIENT` where pg is forced to be native.
 */
export function instrumentCopy(pg: PgModule): void {
  if (isNative(pg.Client.prototype)) {
    instrument(Object.create(pg.Client.prototype));
  }
  for (const prototype of [
    holderOf(pg.Client.prototype, 'connect'),
    holderOf(pg.Pool.prototype, 'newClient'),
  ]) {
    if (Object.hasOwn(prototype, HOOKED_COPY)) continue;
    Object.defineProperty(prototype, HOOKED_COPY, { value: true });
    for (const name of ['connect', 'query']) {
      shadow(
        prototype,
        name,
        (method) =>
          function instrumented(this: object, ...args: unknown[]): unknown {
            // A pool's clients take its options; a call that comes back here finds the object instrumented.
            if (!Object.hasOwn(this, name)) {
              instrument(this);
              return (this as Record<string, Method>)[name]!(...args);
            }
            return method!.apply(this, args);
          },
      );
    }
  }
}

/** The prototype on which a method was defined: of pg-pool for the pools of pg. */
function holderOf(prototype: Record<string, Method>, name: string): Record<string, Method> {
  let holder = prototype;
  while (!Object.hasOwn(holder, name)) holder = Object.getPrototypeOf(holder);
  return holder;
}
