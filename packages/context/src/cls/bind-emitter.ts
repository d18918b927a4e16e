import type { EventEmitter } from 'node:events';

/** The marks that cls-hooked leaves on listeners and methods, and that its users look for. */
const CONTEXTS_MARK = 'cls@contexts';
const NAMESPACES: unique symbol = Symbol.for('@colophon/context/cls/namespaces/1') as never;
const IS_OURS: unique symbol = Symbol.for('@colophon/context/cls/wrapped/1') as never;

// biome-ignore lint/suspicious/noExplicitAny: listeners take anything.
type Listener = (...args: any[]) => any;
type Handlers = Listener | Listener[];

interface BindingNamespace {
  readonly name: string;
  readonly active: object | null;
  bind<F extends Listener>(fn: F, context?: object | null): F;
}

interface Emitter {
  [NAMESPACES]?: BindingNamespace[];
  _events?: Record<string | symbol, Handlers | undefined>;
  on: Listener;
  addListener: Listener;
  emit: Listener;
  removeListener: Listener;
}

// By emitter, then by listener: one listener on the emitters of two requests has a context on each. (On the listener alone the last added would win.)
const contextsOf = new WeakMap<object, WeakMap<Listener, Map<BindingNamespace, object | null>>>();

/** Makes `emitter`, or all whose prototype it is, run each listener in the context of `namespace` in which it was added. */
export function bindEmitter(namespace: BindingNamespace, target: EventEmitter): void {
  const emitter = target as unknown as Emitter;
  if (!emitter.removeListener) throw new Error('can only wrap real EEs');
  const known = emitter[NAMESPACES] ?? [];
  if (!known.includes(namespace)) {
    Object.defineProperty(emitter, NAMESPACES, { value: [...known, namespace], configurable: true });
  }
  wrapOnce(emitter, 'on', adding);
  wrapOnce(emitter, 'addListener', adding);
  wrapOnce(emitter, 'emit', emitting);
}

function wrapOnce(
  emitter: Emitter,
  name: 'on' | 'addListener' | 'emit',
  wrapper: (method: Listener) => Listener,
): void {
  const original = emitter[name] as Listener & { [IS_OURS]?: true };
  if (original[IS_OURS]) return;
  const value = Object.assign(wrapper(original), { [IS_OURS]: true, __wrapped: true, __original: original });
  Object.defineProperty(emitter, name, { value, configurable: true, writable: true, enumerable: false });
}

function adding(method: Listener): Listener {
  return function added(this: Emitter, event: string | symbol, listener: Listener) {
    const before = handlersOf(this, event);
    const result = method.call(this, event, listener);
    // What was really added: `once` and subclasses wrap what they were given.
    for (const handler of handlersOf(this, event)) {
      if (!before.includes(handler)) remember(this, handler);
    }
    return result;
  };
}

function handlersOf(emitter: Emitter, event: string | symbol): readonly Listener[] {
  const handlers = emitter._events?.[event];
  if (handlers === undefined) return [];
  return Array.isArray(handlers) ? handlers.slice() : [handlers];
}

function remember(emitter: Emitter, listener: Listener): void {
  const contexts = new Map<BindingNamespace, object | null>();
  const marks: Record<string, object> = Object.create(null);
  for (const namespace of emitter[NAMESPACES] ?? []) {
    contexts.set(namespace, namespace.active);
    marks[`context@${namespace.name}`] = { namespace, context: namespace.active };
  }
  let ofEmitter = contextsOf.get(emitter);
  if (ofEmitter === undefined) contextsOf.set(emitter, (ofEmitter = new WeakMap()));
  ofEmitter.set(listener, contexts);
  // Only a sign for those who look; nothing here reads it, so a frozen listener may refuse it.
  const sign = (listener as { [CONTEXTS_MARK]?: object })[CONTEXTS_MARK];
  Reflect.set(listener, CONTEXTS_MARK, Object.assign(Object.create(null), sign, marks));
}

/**
 * `emit` reads its handlers before it calls the first. So the bound ones stand in their place only until then: whatever a listener does
 * (adds, removes, lists, emits again) it does to its own.
 */
function emitting(method: Listener): Listener {
  return function emitted(this: Emitter, event: string | symbol, ...args: unknown[]) {
    const events = this._events;
    const ours = contextsOf.get(this);
    const handlers = events?.[event];
    if (events === undefined || handlers === undefined || ours === undefined)
      return method.call(this, event, ...args);
    if (!(Array.isArray(handlers) ? handlers.some((one) => ours.has(one)) : ours.has(handlers))) {
      return method.call(this, event, ...args);
    }
    const originals = new Map<Listener, Listener>();
    const standIn = (handler: Listener): Listener => {
      let bound = handler;
      for (const [namespace, context] of ours.get(handler) ?? []) bound = namespace.bind(bound, context);
      const standing = function (this: unknown, ...given: unknown[]) {
        restore();
        return bound.apply(this, given);
      };
      originals.set(standing, handler);
      return standing;
    };
    const standIns = Array.isArray(handlers) ? handlers.map(standIn) : standIn(handlers);
    let isRestored = false;
    const restore = () => {
      if (isRestored) return;
      isRestored = true;
      const now = events[event];
      if (now === standIns && (!Array.isArray(now) || now.length === (handlers as Listener[]).length)) {
        events[event] = handlers;
      } else if (Array.isArray(now)) {
        // An `emit` of a subclass added or removed some before handing on.
        events[event] = now.map((one) => originals.get(one) ?? one);
      } else if (now !== undefined) {
        events[event] = originals.get(now) ?? now;
      }
    };
    events[event] = standIns;
    try {
      return method.call(this, event, ...args);
    } finally {
      restore();
    }
  };
}
