import { contextOf, type Run } from './run-with-context.js';
import { shared } from './shared-state.js';

/**
 * Takes the context of now and gives a function that calls another in it, whenever and wherever: `const inContext = snapshotContext(); … inContext(() => write())`.
 * For a call that is asked for here but carried out elsewhere, such as a lazy promise. Outside any run it is "none", and what is called is outside any too.
 *
 * It is the context of the call: what `mergeContext` adds or a `late` value becomes afterwards isn't in it. Unlike `bindContext` it carries nothing else: every `AsyncLocalStorage` of the
 * application's own is as it is where the function is called. Result and error pass unchanged.
 */
export function snapshotContext(): <T>(fn: () => T) => T {
  const { carrier } = shared;
  const run = carrier.get() as Run | undefined;
  const context = contextOf(run);
  return (fn) => {
    const isSame = contextOf(run) === context;
    if (isSame && carrier.get() === run) return fn();
    return carrier.run(isSame || context === undefined ? run : ({ context } satisfies Run), fn);
  };
}
