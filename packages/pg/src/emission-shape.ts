import { type ContextText, DEFAULT_PREFIX, escapeNonAscii, trailPrefix } from '@colophon/protocol';
import { isPromise } from './is-promise.js';
import type { EmissionShape, InstrumentOptions, ShapedEmission, ShapedMessage } from './options.js';
import { tellOnce } from './tell-once.js';

/** What is sent of an emission: prefix and content of the logical message. Never throws. */
export interface WireShape {
  prefixOf(emission: ShapedEmission): string;
  /** ASCII. */
  contentOf(emission: ShapedEmission): string;
}

/** Sequin keeps an annotation until the next, until it is cleared, or until the transaction ends. */
const SEQUIN_SET = 'sequin:transaction_annotations.set';
const SEQUIN_CLEAR = 'sequin:transaction_annotations.clear';
const NOBODY: ContextText = '{}';

/**
 * An annotation names what follows it, as a lead does. A trail is sent as one, too: it is too late for the statement that it follows, but what is
 * written next under the same context relies on it.
 */
const SEQUIN: WireShape = {
  prefixOf: ({ context }) => (context === NOBODY ? SEQUIN_CLEAR : SEQUIN_SET),
  contentOf: ({ context }) => (context === NOBODY ? '' : context),
};

/** The shape that the options ask for; they were checked. */
export function wireShape(options: InstrumentOptions): WireShape {
  const { shape = 'colophon', prefix = DEFAULT_PREFIX } = options;
  if (shape === 'sequin') return SEQUIN;
  return shape === 'colophon' ? ownShape(prefix) : givenShape(shape, prefix, options);
}

function ownShape(prefix: string): WireShape {
  const trailing = trailPrefix(prefix);
  return {
    prefixOf: (emission) => (emission.kind === 'trail' ? trailing : prefix),
    contentOf: (emission) => emission.context,
  };
}

/** The application's own. Where it fails, the write goes on with an error in place of the context, under the plain prefix. */
function givenShape(
  shape: Exclude<EmissionShape, string>,
  prefix: string,
  { onContextError }: InstrumentOptions,
): WireShape {
  const tell = tellOnce(
    'shape threw, or gave no prefix and content, so writes go on with {"colophon.error": …} in place of their context: see the cause.',
    onContextError,
  );
  let last: { emission: ShapedEmission; message: ShapedMessage } | undefined;
  const messageOf = (emission: ShapedEmission): ShapedMessage => {
    // Prefix and content are asked for one after the other, of the same emission.
    if (last?.emission !== emission) last = { emission, message: shaped(emission) };
    return last.message;
  };
  const shaped = ({ kind, context }: ShapedEmission): ShapedMessage => {
    try {
      const message = shape({ kind, context });
      if (isPromise(message)) throw new TypeError('shape gave a promise: it must not be async');
      checkMessage(message);
      return { prefix: message.prefix, content: escapeNonAscii(message.content) };
    } catch (cause) {
      tell(cause);
      return { prefix, content: '{"colophon.error":"the shape function failed"}' };
    }
  };
  return {
    prefixOf: (emission) => messageOf(emission).prefix,
    contentOf: (emission) => messageOf(emission).content,
  };
}

function checkMessage({ prefix, content }: ShapedMessage): void {
  if (typeof prefix !== 'string' || prefix === '' || prefix.includes('\0')) {
    throw new TypeError('shape gave an empty prefix, or none');
  }
  if (typeof content !== 'string' || content.includes('\0')) throw new TypeError('shape gave no content');
}
