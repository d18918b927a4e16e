import type { Context, ContextText } from '@colophon/protocol';
import { isPromise } from './is-promise.js';
import type { InstrumentOptions } from './options.js';
import { tellOnce } from './tell-once.js';
import { NAMELESS } from './transaction-state.js';

/** `encode` of what the application's filter leaves of a context; as it is where there is no filter. What the filter throws is told once, and never passed on. */
export function filterContext(
  { filterContext: filter, onContextError }: InstrumentOptions,
  encode: (context: Context) => ContextText,
): (context: Context) => ContextText {
  if (filter === undefined) return encode;
  const tell = tellOnce(
    'filterContext threw, so writes go on with {"colophon.error": …} in place of their context: see the cause.',
    onContextError,
  );
  return (context) => {
    try {
      const left = filter(context);
      if (isPromise(left))
        throw new TypeError('filterContext gave a promise, wanted a context: it must not be async');
      return left === null || left === undefined ? NAMELESS : encode(left);
    } catch (cause) {
      tell(cause);
      return '{"colophon.error":"the context filter threw"}';
    }
  };
}
