import type { EventEmitter } from 'node:events';
import type { Context } from '../context.js';
import { ContextError } from '../context-error.js';
import { mergeContext, runWithContext } from '../run-with-context.js';
import { bindListeners, bindWriteCallbacks } from './bind-listeners.js';

/** What a context function may give. */
export type GivenContext = Context | null | undefined;

/** How an adapter for a web framework runs one request. */
export interface RequestRun {
  /** Node's request and response, or what stands in their place. */
  readonly request: EventEmitter;
  readonly response: EventEmitter;
  /** Gives the request's context, at once or later. Called within the run, which is nameless until then. */
  context(): GivenContext | PromiseLike<GivenContext>;
  /** Told when `context` threw, rejected or gave no context. */
  onError(error: ContextError): void;
}

/**
 * Calls `next` in a run of the request's own: at once, unless the context is given later. When there is no context to be had, the request goes on all the same, with
 * `{"colophon.error": …}` in its place: auditing never costs a request, and never does so silently.
 */
export function runRequest(run: RequestRun, next: () => void): void {
  runWithContext({}, () => {
    bindWriteCallbacks(run.response);
    bindListeners(run.request);
    bindListeners(run.response);
    let given: GivenContext | PromiseLike<GivenContext>;
    try {
      given = run.context();
      if (!isPromiseLike(given)) mergeContext(given);
    } catch (error) {
      fail(run, error);
      given = undefined;
    }
    if (isPromiseLike(given)) {
      Promise.resolve(given)
        .then(mergeContext)
        .catch((error) => fail(run, error))
        .then(next);
    } else {
      next();
    }
  });
}

function isPromiseLike(value: unknown): value is PromiseLike<GivenContext> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}

function fail(run: RequestRun, cause: unknown): void {
  mergeContext({ 'colophon.error': 'the context function failed' });
  const what = cause instanceof Error ? cause.name : typeof cause;
  const error = new ContextError(
    'CONTEXT_FAILED',
    `The context function failed (${what}), wanted the context of a request: what the request writes is stored with "colophon.error" instead; see the error's cause`,
    {},
    cause,
  );
  try {
    run.onError(error);
  } catch (thrown) {
    process.emitWarning(thrown instanceof Error ? thrown : String(thrown));
  }
}
