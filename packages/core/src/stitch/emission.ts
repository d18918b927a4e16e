import { type ContextText, DDL_PREFIX, decodeContext, markerPrefix, trailPrefix } from '@colophon/protocol';
import type { LogicalMessage } from '../decode/message.js';
import { type DdlFacts, parseDdl } from './ddl-message.js';

/** What a logical message means to the consumer. */
export type Emission =
  | { readonly kind: 'lead' | 'trail'; readonly context: ContextText }
  /** Not a context: the end of what a `drain` waits for. */
  | { readonly kind: 'marker'; readonly token: string }
  /** Not a context: what an event trigger told. */
  | { readonly kind: 'ddl'; readonly facts: DdlFacts };

// Requests of one user repeat their context; far longer ones aren't worth keeping.
const CACHE_ENTRIES = 512;
const CACHE_ENTRY_BYTES = 1_024;

/** Tells emissions from everybody else's logical messages, and reads their contexts. Equal contexts are one string. */
export class EmissionReader {
  private readonly kinds: Map<string, Emission['kind']>;
  private readonly cache = new Map<string, ContextText>();

  constructor(prefixes: readonly string[]) {
    this.kinds = new Map();
    for (const prefix of prefixes) {
      this.kinds.set(prefix, 'lead');
      this.kinds.set(trailPrefix(prefix), 'trail');
      this.kinds.set(markerPrefix(prefix), 'marker');
    }
    // The triggers know nothing of what prefixes a consumer was told.
    this.kinds.set(DDL_PREFIX, 'ddl');
  }

  /** Null for what isn't ours, and for messages outside transactions, which are there even if nothing was committed. */
  read(message: LogicalMessage): Emission | null {
    if (!message.transactional) return null;
    const kind = this.kinds.get(message.prefix);
    if (kind === undefined) return null;
    if (kind === 'marker') return { kind, token: message.content.toString('latin1') };
    if (kind === 'ddl') {
      const facts = parseDdl(message.content);
      return facts === null ? null : { kind, facts };
    }
    return { kind, context: this.context(message.content) };
  }

  private context(content: Buffer): ContextText {
    if (content.length > CACHE_ENTRY_BYTES) return decodeContext(content);
    const key = content.toString('latin1');
    let context = this.cache.get(key);
    if (context === undefined) {
      context = decodeContext(content);
      if (this.cache.size >= CACHE_ENTRIES) this.cache.clear();
      this.cache.set(key, context);
    }
    return context;
  }
}
