import {
  BEMI_PREFIX,
  type ContextText,
  DDL_PREFIX,
  decodeContext,
  jsonMembers,
  markerPrefix,
  splitSignature,
  trailPrefix,
} from '@colophon/protocol';
import type { LogicalMessage } from '../decode/message.js';
import type { SignatureVerifier } from '../signature/signature-verifier.js';
import { type DdlFacts, parseDdl } from './ddl-message.js';
import type { Named } from './segment-state.js';

/** What a logical message means to the consumer. */
export type Emission =
  | ({ readonly kind: 'lead' | 'trail' | 'row' } & Named)
  /** Not a context: the end of what a `drain` waits for. */
  | { readonly kind: 'marker'; readonly token: string }
  /** Not a context: what an event trigger told. */
  | { readonly kind: 'ddl'; readonly facts: DdlFacts };

/** What an emission goes through. */
export interface EmissionOptions {
  readonly prefixes: readonly string[];
  /** Makes of a context what may be kept of it. */
  readonly redact?: ((context: ContextText) => ContextText) | null;
  /** Absent: no signature is asked for. */
  readonly verifier?: SignatureVerifier | null;
}

// Requests of one user repeat their context; far longer ones aren't worth keeping.
const CACHE_ENTRIES = 512;
const CACHE_ENTRY_BYTES = 1_024;
const SIGNATURE = 'colophon.signature';
const NULL = Buffer.from('null');

/** Tells emissions from everybody else's logical messages, and reads their contexts. Equal contexts are one string. */
export class EmissionReader {
  private readonly kinds: Map<string, Emission['kind']>;
  private readonly redact: ((context: ContextText) => ContextText) | null;
  private readonly verifier: SignatureVerifier | null;
  private readonly cache = new Map<string, ContextText>();

  constructor({ prefixes, redact = null, verifier = null }: EmissionOptions) {
    this.redact = redact;
    this.verifier = verifier;
    this.kinds = new Map();
    for (const prefix of prefixes) {
      this.kinds.set(prefix, 'lead');
      this.kinds.set(trailPrefix(prefix), 'trail');
      this.kinds.set(markerPrefix(prefix), 'marker');
    }
    if (prefixes.includes(BEMI_PREFIX)) this.kinds.set(BEMI_PREFIX, 'row');
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
    // Signatures are taken off also where nobody asks for them: they are no part of a context.
    const { signature, context } = splitSignature(message.content);
    // Bemi's own reader takes an explicit null for nobody.
    if (kind === 'row' && context.equals(NULL)) return { kind, context: '{}', verified: null };
    const verified = this.verifier?.verify(message.prefix, signature, context) ?? null;
    return { kind, context: this.context(context), verified };
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
    // One that stands elsewhere than ours do: whoever put it there, it is no part of a context.
    const own = context.includes(SIGNATURE) ? withoutSignature(context) : context;
    return this.redact === null ? own : this.redact(own);
  }
}

function withoutSignature(context: ContextText): ContextText {
  const members = jsonMembers(context).filter(([name]) => name !== SIGNATURE);
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
}
