import { currentContext } from '@colophon/context';
import { type Context, type ContextText, encodeContext } from '@colophon/protocol';
import type { InstrumentOptions } from './options.js';
import { NAMELESS } from './transaction-state.js';

/** Gives the context in force now, as text for the wire; `{}` where there is none. Never throws. */
export function contextCapture(options: InstrumentOptions): () => ContextText {
  // A context in force is frozen, so its text can be kept for as long as it lives.
  const texts = new WeakMap<object, ContextText>();
  const current = options.context ?? currentContext;
  const encoding = options.maxBytes === undefined ? {} : { maxBytes: options.maxBytes };
  return () => {
    let context: Context | null | undefined;
    try {
      context = current();
    } catch {
      return '{"colophon.error":"the context function threw"}';
    }
    if (context === null || context === undefined) return NAMELESS;
    // What can still change is read each time.
    if (typeof context !== 'object' || !Object.isFrozen(context)) return encodeContext(context, encoding);
    let text = texts.get(context);
    if (text === undefined) {
      text = encodeContext(context, encoding);
      texts.set(context, text);
    }
    return text;
  };
}
