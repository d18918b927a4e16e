import { types } from 'node:util';
import type { Context } from './context.js';
import { ContextError } from './context-error.js';

/** Stands for a value whose getter throws, here as on the wire. */
export const UNREADABLE = '[unserializable]';

/**
 * A frozen copy of a caller's context laid over `outer`. Plain objects, arrays and dates in it are copied too, so that nothing the
 * caller does to them later can rename a write that is under way; other objects stay as they are.
 * `null` and `undefined` add nothing. Throws `INVALID_CONTEXT` for what has no names in it: a string, an array, a Map, a promise …
 */
export function copyContext(given: unknown, outer: Context | undefined, asked: string): Context {
  if (given === null || given === undefined) return Object.freeze({ ...outer });
  // What most are: looked at first, since to ask for everything that it could be instead costs more than the copy.
  if (!isUsual(given)) {
    const kind = unsuitableKind(given);
    if (kind !== undefined) {
      throw new ContextError(
        'INVALID_CONTEXT',
        `${asked} was given ${kind} as context, wanted an object such as { user: 42 }: give it one, or {} for none`,
        { given: kind },
      );
    }
  }
  return Object.freeze(spread(given, outer) ?? copyEach(given, outer, asked));
}

function isUsual(given: unknown): given is object {
  try {
    return Object.getPrototypeOf(given) === Object.prototype;
  } catch {
    return false;
  }
}

/** A flat context in one go, a third of the price of key by key; `undefined` where something in it has to be copied, or cannot be read. */
function spread(given: object, outer: Context | undefined): Record<string, unknown> | undefined {
  try {
    const target: Record<string, unknown> = outer === undefined ? { ...given } : { ...outer, ...given };
    for (const key of Object.keys(given)) {
      const value = target[key];
      if (typeof value === 'object' && value !== null) return undefined;
    }
    return target;
  } catch {
    return undefined;
  }
}

function copyEach(given: object, outer: Context | undefined, asked: string): Record<string, unknown> {
  const target: Record<string, unknown> = { ...outer };
  try {
    copyMembers(given, target, undefined);
  } catch (cause) {
    throw new ContextError(
      'INVALID_CONTEXT',
      `${asked} was given an object whose keys cannot be read: give it a plain object`,
      { given: 'an unreadable object' },
      cause,
    );
  }
  return target;
}

/** What it is, where that cannot be a context. */
function unsuitableKind(given: unknown): string | undefined {
  if (typeof given !== 'object') return `a ${typeof given}`;
  if (Array.isArray(given)) return 'an array';
  if (types.isMap(given)) return 'a Map';
  if (types.isSet(given)) return 'a Set';
  if (types.isDate(given)) return 'a Date';
  if (types.isPromise(given)) return 'a promise';
  return undefined;
}

/** `copies` keeps what was met already, made when the first object is met: most contexts hold none, and a Map costs as much as the rest. */
function copyMembers(source: object, target: object, known: Map<object, object> | undefined): void {
  let copies = known;
  for (const key of Object.keys(source)) {
    let value: unknown;
    try {
      value = (source as Record<string, unknown>)[key];
      if (typeof value === 'object' && value !== null) value = copyObject(value, (copies ??= new Map()));
    } catch {
      value = UNREADABLE;
    }
    // Assigning to `__proto__` would replace the copy's prototype instead of giving it a key.
    if (key === '__proto__') {
      Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
    } else {
      (target as Record<string, unknown>)[key] = value;
    }
  }
}

/** A cycle stays a cycle, and something shared is copied once. */
function copyObject(value: object, copies: Map<object, object>): object {
  const known = copies.get(value);
  if (known !== undefined) return known;
  if (types.isDate(value)) return new Date(value);
  const isArray = Array.isArray(value);
  if (!isArray && !isPlain(value)) return value;
  const copy: object = isArray ? new Array(value.length) : {};
  copies.set(value, copy);
  copyMembers(value, copy, copies);
  return Object.freeze(copy);
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  // An object of another realm (a vm, Jest) is as plain: its prototype's prototype is null, like ours.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
