import { isDeepStrictEqual, types } from 'node:util';
import type { Context } from './context.js';
import { copyContext, UNREADABLE } from './copy-context.js';

const IS_LATE: unique symbol = Symbol.for('@colophon/context/late/1') as never;

/** A value of a context that is asked for when it is needed: what `late` gives. */
export interface Late<T = unknown> {
  (): T;
  readonly [IS_LATE]: true;
}

/**
 * A value of a context that isn't known yet when the run begins, such as the user before authentication or the route before routing: `give` is asked whenever
 * somebody asks for the context, so at each query, and must be quick and without side effects. `undefined`: the key isn't stored (yet).
 *
 * Only the context's own keys can be late, nothing deeper in it. What `give` throws is stored as `"[unserializable]"`, and so is a promise: nobody can wait for it.
 * Within `give`, `currentContext()` is without its late values.
 */
export function late<T>(give: () => T): Late<T> {
  return Object.defineProperty(() => give(), IS_LATE, { value: true }) as Late<T>;
}

/** A context as it was given, with what was last seen of it. */
export interface LateValues {
  readonly keys: readonly string[];
  isBeingAsked: boolean;
  seen: Context | undefined;
}

/** `undefined` where nothing in `context` is late, which is the usual case. */
export function lateValuesOf(context: Context): LateValues | undefined {
  let keys: string[] | undefined;
  for (const key of Object.keys(context)) {
    const value = context[key];
    if (typeof value === 'function' && (value as Partial<Late>)[IS_LATE] === true) (keys ??= []).push(key);
  }
  return keys && { keys, isBeingAsked: false, seen: undefined };
}

/** `context` with its late values as they are now: the same object as last time where none has changed. */
export function askLateValues(context: Context, late: LateValues): Context {
  const values: Record<string, unknown> = {};
  if (late.isBeingAsked) {
    for (const key of late.keys) values[key] = undefined;
    return copyContext(values, context, 'late');
  }
  late.isBeingAsked = true;
  try {
    for (const key of late.keys) values[key] = ask(context[key] as Late);
  } finally {
    late.isBeingAsked = false;
  }
  const { seen } = late;
  if (seen !== undefined && late.keys.every((key) => isSame(values[key], seen[key]))) return seen;
  return (late.seen = copyContext(values, context, 'late'));
}

function ask(value: Late): unknown {
  try {
    const given = value();
    return types.isPromise(given) ? UNREADABLE : given;
  } catch {
    return UNREADABLE;
  }
}

function isSame(now: unknown, then: unknown): boolean {
  return (
    Object.is(now, then) ||
    (typeof now === 'object' && typeof then === 'object' && isDeepStrictEqual(now, then))
  );
}
