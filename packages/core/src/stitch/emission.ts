import { type ContextText, decodeContext, markerPrefix, trailPrefix } from '@colophon/protocol';
import type { LogicalMessage } from '../decode/message.js';

/** What a logical message means to the consumer. */
export type Emission =
  | { readonly kind: 'lead' | 'trail'; readonly context: ContextText }
  /** Not a context: the end of what a `drain` waits for. */
  | { readonly kind: 'marker'; readonly token: string };

// Requests of one user repeat their context; far longer ones aren't worth keeping.
const CACHE_ENTRIES = 512;
const CACHE_ENTRY_BYTES = 1_024;

/** Tells emissions from everybody else's logical messages, and reads their contexts. Equal contexts are one string. */
export class EmissionReader {
  private readonly kinds: Map<string, Emission['kind']>;
  private readonly redact: ((context: ContextText) => ContextText) | null;
  private readonly cache = new Map<string, ContextText>();

  /** `redact` makes of a context what may be kept of it. */
  constructor(prefixes: readonly string[], redact: ((context: ContextText) => ContextText) | null = null) {
    this.redact = redact;
    this.kinds = new Map();
    for (const prefix of prefixes) {
      this.kinds.set(prefix, 'lead');
      this.kinds.set(trailPrefix(prefix), 'trail');
      this.kinds.set(markerPrefix(prefix), 'marker');
    }
  }

  /** Null for what isn't ours, and for messages outside transactions, which are there even if nothing was committed. */
  read(message: LogicalMessage): Emission | null {
    if (!message.transactional) return null;
    const kind = this.kinds.get(message.prefix);
    if (kind === undefined) return null;
    if (kind === 'marker') return { kind, token: message.content.toString('latin1') };
    return { kind, context: this.context(message.content) };
  }

  private context(content: Buffer): ContextText {
    if (content.length > CACHE_ENTRY_BYTES) return this.decode(content);
    const key = content.toString('latin1');
    let context = this.cache.get(key);
    if (context === undefined) {
      context = this.decode(content);
      if (this.cache.size >= CACHE_ENTRIES) this.cache.clear();
      this.cache.set(key, context);
    }
    return context;
  }

  private decode(content: Buffer): ContextText {
    const context = decodeContext(content);
    return this.redact === null ? context : this.redact(context);
  }
}
