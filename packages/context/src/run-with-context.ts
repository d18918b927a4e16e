import type { Context } from './context.js';
import { ContextError } from './context-error.js';
import { copyContext } from './copy-context.js';
import { keepLazy } from './keep-lazy.js';
import { shared } from './shared-state.js';

/** What a carrier holds. `mergeContext` replaces `context`, never changes it: whoever took it before keeps what it was. */
export interface Run {
  context: Context;
}

/**
 * Calls `fn` at once, in a run of its own whose context is `context` over that of the run around it, key by key, and gives what `fn` gives: a value, a promise, or its
 * error. All that `fn` starts belongs to the run: promises, timers, the events of what it opens. So does a query that `fn` gives and that its ORM sends
 * only when it is awaited, wherever that is.
 *
 * The context is copied: changing the object afterwards changes nothing (`mergeContext` does). `null` and `undefined` count as `{}`. Anything else that is no
 * object of names (a string, an array, a Map, a promise that somebody forgot to await) throws `INVALID_CONTEXT` before `fn` is called, since every write in it would be nameless.
 * Nothing about the values ever throws.
 */
export function runWithContext<T>(context: Context | null | undefined, fn: () => T): T {
  const run: Run = { context: copyContext(context, currentContext(), 'runWithContext') };
  shared.isUsed = true;
  return runHeld(run, fn);
}

/**
 * The context in force here; `undefined` outside any run. Nothing is copied: it is a frozen snapshot that stays as it is, and the same object until the next
 * `mergeContext`, so it can be the key of a cache.
 */
export function currentContext(): Context | undefined {
  return (shared.carrier.get() as Run | undefined)?.context;
}

/**
 * Adds to the context of the current run: from now on the whole run sees it, its branches that were started earlier too, but not the runs around it, nor those
 * started inside it before (each took its own copy). A key set to `undefined` is no longer stored.
 * Throws `NO_ACTIVE_CONTEXT` outside a run, `INVALID_CONTEXT` as `runWithContext` does.
 */
export function mergeContext(partial: Context | null | undefined): void {
  const run = shared.carrier.get() as Run | undefined;
  if (run === undefined) {
    throw new ContextError(
      'NO_ACTIVE_CONTEXT',
      'mergeContext was called outside any run, so nothing would see it: call it inside runWithContext or after the middleware',
    );
  }
  run.context = copyContext(partial, run.context, 'mergeContext');
}

/** Calls `fn` outside any context, as what it starts is too: for what outlives a request, such as a pooled connection. Gives what `fn` gives. */
export function runOutsideContext<T>(fn: () => T): T {
  return shared.carrier.get() === undefined ? fn() : runHeld(undefined, fn);
}

function runHeld<T>(held: Run | undefined, fn: () => T): T {
  const { carrier, lazyBindings } = shared;
  return keepLazy(carrier.run(held, fn), lazyBindings, (call) => carrier.run(held, call));
}
