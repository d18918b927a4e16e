import { AsyncResource } from 'node:async_hooks';
import { shared } from './shared-state.js';

/**
 * `fn` bound to the run of now, or to being outside any: whoever calls the result, and whenever, `fn` runs as here. `this`, arguments, result and errors pass unchanged.
 * Not only Colophon's context: every `AsyncLocalStorage` of the process is as it is now, since a callback belongs to who gave it.
 */
export function bindContext<This, Args extends unknown[], Result>(
  fn: (this: This, ...args: Args) => Result,
): (this: This, ...args: Args) => Result {
  const resource = new AsyncResource('ColophonContext');
  const { carrier } = shared;
  const held = carrier.get();
  return function bound(this: This, ...args: Args): Result {
    return resource.runInAsyncScope(() =>
      // A carrier of the application's own need not follow AsyncResource.
      carrier.get() === held ? fn.apply(this, args) : carrier.run(held, () => fn.apply(this, args)),
    );
  };
}
