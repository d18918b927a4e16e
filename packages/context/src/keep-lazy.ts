import { bindContext } from './bind-context.js';
import { shared } from './shared-state.js';

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/**
 * ORMs give objects that send their query only when somebody waits for them. Given out of a run and awaited outside, it would run outside. So where
 * a run gives something that has a `then` but is no promise, the first call of its `then`, `catch` or `finally` happens in that run, by `within`; the
 * callbacks that are handed in stay their giver's. The object is the same one, and as it was from that call on.
 *
 * `before` is `shared.lazyBindings` from when the run began: what a run inside this one bound since keeps that inner run.
 */
export function keepLazy<T>(value: T, before: number, within: (call: () => unknown) => unknown): T {
  if (typeof value !== 'object' || value === null || value instanceof Promise) return value;
  try {
    const earlier = shared.lazies.get(value);
    if (earlier !== undefined && earlier.number > before) return value;
    // Bound in an earlier run and never awaited: this one counts.
    earlier?.release();
    const lazy: Partial<Waitable> = value;
    if (typeof lazy.then === 'function') bind(lazy, within);
  } catch {
    // A frozen object, or one that may not be asked: it stays as it is.
  }
  return value;
}

type Waitable = Record<(typeof METHODS)[number], AnyFunction>;
const METHODS = ['then', 'catch', 'finally'] as const;

function bind(lazy: Partial<Waitable>, within: (call: () => unknown) => unknown): void {
  const undo: (() => void)[] = [];
  const release = (): void => {
    shared.lazies.delete(lazy);
    for (const step of undo.splice(0)) step();
  };
  for (const name of METHODS) {
    const method = lazy[name];
    if (typeof method !== 'function') continue;
    const own = Object.getOwnPropertyDescriptor(lazy, name);
    const value: AnyFunction = function inRun(...args) {
      release();
      const callbacks = args.map(bound);
      return within(() => method.apply(this, callbacks));
    };
    Object.defineProperty(lazy, name, {
      value,
      configurable: true,
      writable: true,
      enumerable: own?.enumerable ?? false,
    });
    undo.push(() => {
      if (own === undefined) Reflect.deleteProperty(lazy, name);
      else Object.defineProperty(lazy, name, own);
    });
  }
  shared.lazies.set(lazy, { number: ++shared.lazyBindings, release });
}

function bound(callback: unknown): unknown {
  return typeof callback === 'function' ? bindContext(callback as AnyFunction) : callback;
}
