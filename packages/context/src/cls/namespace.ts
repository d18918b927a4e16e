import assert from 'node:assert';
import { executionAsyncId } from 'node:async_hooks';
import type { EventEmitter } from 'node:events';
import { inspect } from 'node:util';
import { bindEmitter } from './bind-emitter.js';
import { chainOf, enteredOf, leave, listBelow, setEntered } from './entered.js';

/** Where a namespace leaves the context on an error that left it. */
export const ERROR_SYMBOL = 'error@context';

/** The values of a namespace during a run. Those of the run around it show through its prototype. */
// biome-ignore lint/suspicious/noExplicitAny: cls-hooked's types, which its users compile against, say any.
export type ClsContext = any;

/**
 * A named set of values that follow the flow of calls: cls-hooked's, carried by `AsyncLocalStorage`. What is entered holds for this flow and what it starts, where
 * cls-hooked would leave it in force for whatever runs next: an `enter` without `exit`, and a `runPromise` that is under way, leak into no other request.
 */
// biome-ignore lint/suspicious/noExplicitAny: as above.
export class Namespace<N = Record<string, any>> {
  name: string;
  /** The active context, `null` outside any. Assigning replaces it, in this flow. */
  declare active: ClsContext;
  /** The contexts below the active one that come back on `exit`. */
  declare _set: ClsContext[];
  /** Truthy for a namespace made by `createNamespace`. */
  id: number | null = null;
  /** Always empty: no map from asynchronous steps to contexts is needed, so none can leak. */
  _contexts: Map<number, ClsContext> = new Map();
  _indent = 0;

  constructor(name: string) {
    this.name = name;
    // Own and enumerable, as the fields are that they stand for.
    Object.defineProperties(this, {
      active: {
        enumerable: true,
        configurable: true,
        get: () => enteredOf<ClsContext>(this).active,
        set: (active: ClsContext) => setEntered(this, { active, below: enteredOf<ClsContext>(this).below }),
      },
      _set: {
        enumerable: true,
        configurable: true,
        get: () => listBelow(enteredOf<ClsContext>(this)),
        set: (below: ClsContext[]) => setEntered(this, chainOf(this.active, below)),
      },
    });
  }

  /** Sets a value in the active context and returns it. Throws outside any. */
  set<K extends keyof N = keyof N>(key: K, value: N[K]): N[K] {
    const { active } = this;
    if (!active) throw new Error('No context available. ns.run() or ns.bind() must be called first.');
    active[key as string] = value;
    return value;
  }

  /** The value in the active context or one around it; `undefined` outside any. */
  get<K extends keyof N = keyof N>(key: K): N[K] {
    return this.active?.[key as string];
  }

  /** A new context, below the active one, for `enter` and `bind`. */
  createContext(): ClsContext {
    const context: ClsContext = Object.create(this.active ?? Object.prototype);
    context._ns_name = this.name;
    context.id = executionAsyncId();
    return context;
  }

  /** Calls `fn` in a new context and returns that context. An error that `fn` throws carries it. */
  run(fn: (context: ClsContext) => unknown): ClsContext {
    const context = this.createContext();
    callIn(this, context, () => fn(context));
    return context;
  }

  /** Calls `fn` in a new context and returns what it returned. */
  runAndReturn<T>(fn: (context: ClsContext) => T): T {
    let value: T | undefined;
    this.run((context) => {
      value = fn(context);
    });
    return value as T;
  }

  /** Calls an asynchronous `fn` in a new context and gives its result. An error that it rejects with carries the context. */
  runPromise<T>(fn: (context: ClsContext) => Promise<T>): Promise<T> {
    const context = this.createContext();
    const promise = callIn(this, context, () => fn(context));
    if (typeof promise?.then !== 'function' || typeof promise.catch !== 'function') {
      throw new Error('fn must return a promise.');
    }
    return promise.catch((error: unknown) => {
      attach(error, context);
      throw error;
    });
  }

  /** `fn`, to be called in `context`; without one in the context active now, or one new context for all calls. */
  // biome-ignore lint/complexity/noBannedTypes: cls-hooked's types, which its users compile against, say Function.
  bind<F extends Function>(fn: F, context?: ClsContext | null): F {
    const bound = context || this.active || this.createContext();
    const namespace = this;
    return function clsBind(this: unknown, ...args: unknown[]) {
      return callIn(namespace, bound, () => fn.apply(this, args));
    } as unknown as F;
  }

  /** Makes `context` active until `exit(context)`. */
  enter(context: ClsContext): void {
    assert.ok(context, 'context must be provided for entering');
    setEntered(this, { active: context, below: enteredOf<ClsContext>(this) });
  }

  /** Leaves `context`, also where others were entered since and stay. Throws where it was not entered. */
  exit(context: ClsContext): void {
    assert.ok(context, 'context must be provided for exiting');
    const entered = enteredOf<ClsContext>(this);
    if (entered.active === context) {
      assert.ok(entered.below, "can't remove top context");
      setEntered(this, leave(entered));
      return;
    }
    const below = listBelow(entered);
    const at = below.lastIndexOf(context);
    assert.ok(at >= 0, `context not currently entered; can't exit. \n${inspect(this)}\n${inspect(context)}`);
    assert.ok(at, "can't remove top context");
    setEntered(this, chainOf(entered.active, below.toSpliced(at, 1)));
  }

  /** Runs the listeners of `emitter` that are added from now on in the context in which they were added. Also for a prototype of emitters. */
  bindEmitter(emitter: EventEmitter): void {
    for (const name of ['on', 'addListener', 'emit'] as const)
      assert.ok(emitter[name], 'can only bind real EEs');
    bindEmitter(this, emitter);
  }

  /** The context that an error left, where it left one. */
  fromException(exception: unknown): ClsContext | undefined {
    return (exception as Record<string, ClsContext>)[ERROR_SYMBOL];
  }
}

/** Through the namespace's own `enter` and `exit`, since users wrap those. */
function callIn<T>(
  namespace: { enter(context: ClsContext): void; exit(context: ClsContext): void },
  context: ClsContext,
  fn: () => T,
): T {
  namespace.enter(context);
  try {
    return fn();
  } catch (exception) {
    attach(exception, context);
    throw exception;
  } finally {
    namespace.exit(context);
  }
}

/** Leaves the error as it is where it cannot take the mark: a thrown string, a frozen error. */
function attach(exception: unknown, context: ClsContext): void {
  if ((typeof exception !== 'object' && typeof exception !== 'function') || exception === null) return;
  Reflect.set(exception, ERROR_SYMBOL, context);
}
