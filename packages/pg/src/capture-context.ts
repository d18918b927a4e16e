import { currentContext } from '@colophon/context';
import { type Context, type ContextText, contextRedactor, encodeContext } from '@colophon/protocol';
import { filterContext } from './filter-context.js';
import { isPromise } from './is-promise.js';
import type { InstrumentOptions } from './options.js';
import { NAMELESS } from './transaction-state.js';

/** Gives the context in force now, as text for the wire; `{}` where there is none. Never throws. */
export function contextCapture(options: InstrumentOptions): () => ContextText {
  // A context in force is frozen, so its text can be kept for as long as it lives.
  const texts = new WeakMap<object, ContextText>();
  const current = options.context ?? currentContext;
  const encode = contextEncoder(options);
  return () => {
    let context: Context | null | undefined;
    try {
      context = current();
    } catch {
      return '{"colophon.error":"the context function threw"}';
    }
    if (context === null || context === undefined) return NAMELESS;
    // What can still change is read each time.
    if (typeof context !== 'object' || !Object.isFrozen(context)) {
      return isPromise(context)
        ? '{"colophon.error":"the context function gave a promise"}'
        : encode(context);
    }
    let text = texts.get(context);
    if (text === undefined) {
      text = encode(context);
      texts.set(context, text);
    }
    return text;
  };
}

/** What is sent of a context: filtered, as text, redacted. */
function contextEncoder(options: InstrumentOptions): (context: Context) => ContextText {
  const { maxBytes, redact = {}, redactionKey } = options;
  const encoding = {
    ...(maxBytes === undefined ? {} : { maxBytes }),
    redact: contextRedactor(redact, redactionKey),
  };
  return filterContext(options, (context) => encodeContext(context, encoding));
}
