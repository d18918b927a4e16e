import type { EventEmitter } from 'node:events';
import { shared } from '../shared-state.js';

// biome-ignore lint/suspicious/noExplicitAny: listeners take anything.
type Listener = ((...args: any[]) => unknown) & { listener?: Listener };
type Method = (...args: unknown[]) => unknown;

const ADDING = ['on', 'addListener', 'prependListener'] as const;
const REMOVING = ['removeListener', 'off'] as const;

const bindingListeners = new WeakSet<object>();
const bindingCallbacks = new WeakSet<object>();
const boundListeners = new WeakSet<Listener>();

/**
 * From now on each listener added to `emitter` runs in the run of whoever added it, and in the run of now where nobody is known: Node emits a request's events from its
 * socket's parser, outside any run, and a pipelined response's from the end of the response before it, in another user's.
 * Only Colophon's context is brought along; other `AsyncLocalStorage`s stay as they are. Removing, `once`, `listeners()` work on the listeners as they were given.
 */
export function bindListeners(emitter: EventEmitter): void {
  if (bindingListeners.has(emitter)) return;
  bindingListeners.add(emitter);
  const own = shared.carrier.get();
  /** `once` adds a wrapper, which is what it removes too. */
  const byWrapper = new WeakMap<Listener, Listener>();
  for (const name of ADDING) {
    replaceMethod(
      emitter,
      name,
      (method) =>
        function add(this: unknown, event, listener, ...rest) {
          const bound = typeof listener === 'function' ? bind(listener as Listener, own) : listener;
          if ((listener as Listener)?.listener !== undefined)
            byWrapper.set(listener as Listener, bound as Listener);
          return method.call(this, event, bound, ...rest);
        },
    );
  }
  for (const name of REMOVING) {
    replaceMethod(
      emitter,
      name,
      (method) =>
        function remove(this: unknown, event, listener, ...rest) {
          return method.call(this, event, byWrapper.get(listener as Listener) ?? listener, ...rest);
        },
    );
  }
}

/** The same for the callbacks given to `response.write`: on a pipelined connection they are called by whoever flushes. */
export function bindWriteCallbacks(response: object): void {
  if (bindingCallbacks.has(response)) return;
  bindingCallbacks.add(response);
  const own = shared.carrier.get();
  replaceMethod(
    response,
    'write',
    (method) =>
      function write(this: unknown, ...args) {
        const last = args.length - 1;
        if (typeof args[last] === 'function') args[last] = bind(args[last] as Listener, own);
        return method.apply(this, args);
      },
  );
}

function bind(listener: Listener, own: unknown): Listener {
  if (boundListeners.has(listener)) return listener;
  const held = shared.carrier.get() ?? own;
  const bound: Listener = function bound(this: unknown, ...args) {
    const { carrier } = shared;
    return carrier.get() === held
      ? listener.apply(this, args)
      : carrier.run(held, () => listener.apply(this, args));
  };
  // What Node's own wrappers carry: by it a listener is found again under the function that was given.
  bound.listener = listener.listener ?? listener;
  boundListeners.add(bound);
  return bound;
}

function replaceMethod(target: object, name: string, replace: (method: Method) => Method): void {
  const method = (target as Record<string, unknown>)[name];
  if (typeof method !== 'function') return;
  const value = replace(method as Method);
  Object.defineProperty(target, name, { value, enumerable: false, configurable: true, writable: true });
}
