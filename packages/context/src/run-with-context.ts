import type { Context } from './context.js';
import { ContextError } from './context-error.js';
import { copyContext } from './copy-context.js';
import { keepLazy } from './keep-lazy.js';
import { askLateValues, type LateValues, lateValuesOf } from './late.js';
import { shared } from './shared-state.js';

/** What a carrier holds. `mergeContext` replaces `context`, never changes it: whoever took it before keeps what it was. */
export interface Run {
  /** As it was given: its late values are functions still. */
  context: Context;
  late?: LateValues | undefined;
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
  const around = shared.carrier.get() as Run | undefined;
  const run: Run = { context: copyContext(context, around?.context, 'runWithContext') };
  run.late = lateValuesOf(run.context);
  shared.isUsed = true;
  return runHeld(run, fn);
}

/**
 * The context in force here; `undefined` outside any run. It is a frozen snapshot that stays as it is, and the same object until the next
 * `mergeContext` or until a `late` value of it has changed, so it can be the key of a cache.
 */
export function currentContext(): Context | undefined {
  return contextOf(shared.carrier.get() as Run | undefined);
}

/** What a run's context is now. */
export function contextOf(run: Run | undefined): Context | undefined {
  return run?.late === undefined ? run?.context : askLateValues(run.context, run.late);
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
  run.late = lateValuesOf(run.context);
}

/** Calls `fn` outside any context, as what it starts is too: for what outlives a request, such as a pooled connection. Gives what `fn` gives. */
export function runOutsideContext<T>(fn: () => T): T {
  return shared.carrier.get() === undefined ? fn() : runHeld(undefined, fn);
}

function runHeld<T>(held: Run | undefined, fn: () => T): T {
  const { carrier, lazyBindings } = shared;
  return keepLazy(carrier.run(held, fn), lazyBindings, (call) => carrier.run(held, call));
}
