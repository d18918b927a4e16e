import { isSignatureRight, type Lsn, type Nonce, type NonceMemory, parseSignature } from '@colophon/protocol';
import type { BeginMessage } from '../decode/message.js';
import { NonceBook } from './nonce-book.js';
import type { SignatureSettings } from './signature-options.js';

/**
 * Why a context isn't verified.
 *
 * - `unsigned`: it has no signature, or none of ours.
 * - `unknown key`: no key with that id is accepted.
 * - `altered`: the signature isn't of this text, prefix and audience, or not made with this key.
 * - `too old`: signed longer than the window before the commit, or before what is remembered.
 * - `too early`: signed longer than the window after the commit.
 * - `replayed`: the same signature was seen before.
 */
export type Refusal = 'unsigned' | 'unknown key' | 'altered' | 'too old' | 'too early' | 'replayed';

/** Where a context that isn't verified was met. */
export interface RefusedAt {
  readonly xid: number;
  readonly commitLsn: Lsn;
}

/**
 * Verifies signatures in the order of the stream. A signature counts once, in the first transaction that commits it. What isn't
 * stored yet is pending: it is forgotten with the connection, since it comes again.
 */
export class SignatureVerifier {
  private readonly settings: SignatureSettings;
  private readonly onRefused: (refusal: Refusal, at: RefusedAt) => void;
  private book: NonceBook;
  private audience = '';
  private transaction: BeginMessage | null = null;
  private nonces: Nonce[] = [];
  private pending: { endLsn: Lsn; nonces: readonly Nonce[] }[] = [];
  private readonly pendingNames = new Set<string>();

  constructor(settings: SignatureSettings, onRefused: (refusal: Refusal, at: RefusedAt) => void) {
    this.settings = settings;
    this.onRefused = onRefused;
    this.book = new NonceBook(settings.keptMs);
  }

  /** A connection begins. `memory` is what the sink remembers; null: it doesn't, and this verifier's own is all there is. */
  open(database: string, memory: NonceMemory | null): void {
    this.audience = this.settings.audience ?? database;
    this.transaction = null;
    this.nonces = [];
    this.pending = [];
    this.pendingNames.clear();
    if (memory === null) return;
    this.book = new NonceBook(this.settings.keptMs);
    this.book.recall(memory);
  }

  begin(message: BeginMessage): void {
    this.transaction = message;
    this.nonces = [];
  }

  /** Whether an emission of the transaction that has begun is what an application signed, for the first time. */
  verify(prefix: string, signature: string | null, context: Uint8Array): boolean {
    const refusal = this.refusal(prefix, signature, context);
    if (refusal === null) return true;
    const { xid, commitLsn } = this.transaction as BeginMessage;
    this.onRefused(refusal, { xid, commitLsn });
    return false;
  }

  /** The transaction has ended here. Gives what must be kept with it. */
  commit(endLsn: Lsn): readonly Nonce[] {
    const { nonces } = this;
    if (nonces.length > 0) this.pending.push({ endLsn, nonces });
    this.nonces = [];
    return nonces;
  }

  /** Everything up to here is stored. */
  stored(endLsn: Lsn): void {
    let count = 0;
    for (const { endLsn: end, nonces } of this.pending) {
      if (end > endLsn) break;
      count++;
      for (const nonce of nonces) {
        this.book.add(nonce);
        this.pendingNames.delete(nameOf(nonce));
      }
    }
    this.pending.splice(0, count);
  }

  private refusal(prefix: string, text: string | null, context: Uint8Array): Refusal | null {
    const { keys, windowMs } = this.settings;
    const signature = text === null ? null : parseSignature(text);
    if (signature === null) return 'unsigned';
    const secret = keys.get(signature.keyId);
    if (secret === undefined) return 'unknown key';
    if (!isSignatureRight(signature, secret, prefix, this.audience, context)) return 'altered';
    const { signer, counter, signedAtMs } = signature;
    const committedAtMs = Number((this.transaction as BeginMessage).committedAtMicros / 1_000n);
    if (signedAtMs < committedAtMs - windowMs || signedAtMs < this.book.floorMs) return 'too old';
    if (signedAtMs > committedAtMs + windowMs) return 'too early';
    const name = nameOf(signature);
    if (this.pendingNames.has(name) || this.book.has(signature)) return 'replayed';
    this.pendingNames.add(name);
    this.nonces.push({ signer, counter, signedAtMs });
    return null;
  }
}

function nameOf({ signer, counter }: Nonce): string {
  return `${signer}.${counter}`;
}
