import { createHmac, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ContextText } from './context.js';
import { secretKey } from './redaction.js';

/** A key that contexts are signed with. The application has one; the consumer may know several, so that one can follow another. */
export interface SignatureKey {
  /** Its name, which goes with each signature: 1 to 64 letters, digits, `-` and `_`. */
  readonly id: string;
  /** At least 16 bytes, best 32 at random. Whoever has it can sign. */
  readonly secret: string | Uint8Array;
}

/** What makes a signature one of a kind: who signed, and for the how-manieth time. */
export interface Nonce {
  /** Random, chosen by each signer when it is made. */
  readonly signer: string;
  /** Counts the signer's signatures, from 0. */
  readonly counter: number;
  /** The signer's clock, in milliseconds since 1970-01-01 UTC. */
  readonly signedAtMs: number;
}

/** An emission's signature, as it says of itself. */
export interface Signature extends Nonce {
  readonly keyId: string;
  readonly mac: string;
}

const FORM = 'v1';
const HEAD = '{"colophon.signature":"';
const HEAD_BYTES = Buffer.from(HEAD);
const MAX_SIGNATURE_LENGTH = 256;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BRACE = 0x7b;
const CLOSE = 0x7d;
const SIGNATURE =
  /^v1\.([A-Za-z0-9_-]{1,64})\.(\d{1,15})\.([A-Za-z0-9_-]{12})\.(\d{1,15})\.([A-Za-z0-9_-]{43})$/;
const EMPTY: ContextText = '{}';

/**
 * Makes a function that signs emissions: gives the context's text with the signature in front. The signature is an HMAC-SHA-256 of
 * the prefix, the audience, the key's id, the time, the nonce and the text. Throws `INVALID_OPTION` for an unusable key.
 */
export function emissionSigner(
  key: SignatureKey,
): (prefix: string, audience: string, context: ContextText) => ContextText {
  const secret = secretKey(key.id, key.secret, 'signature key');
  const signer = randomBytes(9).toString('base64url');
  let counter = 0;
  return (prefix, audience, context) => {
    const facts = { keyId: key.id, signer, counter: counter++, signedAtMs: Date.now() };
    const mac = macOf(secret, prefix, audience, facts, Buffer.from(context, 'latin1')).toString('base64url');
    const signature = `${FORM}.${key.id}.${facts.signedAtMs}.${signer}.${facts.counter}.${mac}`;
    return context === EMPTY ? `${HEAD}${signature}"}` : `${HEAD}${signature}",${context.slice(1)}`;
  };
}

/** An emission without its signature, and the signature's text; null where it has none, or not where ours stands. */
export function splitSignature(content: Buffer): { signature: string | null; context: Buffer } {
  const unsigned = { signature: null, context: content };
  if (content[1] !== QUOTE || !content.subarray(0, HEAD_BYTES.length).equals(HEAD_BYTES)) return unsigned;
  const end = content.indexOf(QUOTE, HEAD_BYTES.length);
  if (end < 0 || end > HEAD_BYTES.length + MAX_SIGNATURE_LENGTH) return unsigned;
  const signature = content.toString('latin1', HEAD_BYTES.length, end);
  if (content[end + 1] === CLOSE && content.length === end + 2) {
    return { signature, context: Buffer.from(EMPTY) };
  }
  if (content[end + 1] !== COMMA) return unsigned;
  const context = Buffer.from(content.subarray(end + 1));
  context[0] = BRACE;
  return { signature, context };
}

/** What a signature's text says; null where it is none. */
export function parseSignature(text: string): Signature | null {
  const match = SIGNATURE.exec(text);
  if (match === null) return null;
  const [, keyId, signedAt, signer, counter, mac] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  return { keyId, signedAtMs: Number(signedAt), signer, counter: Number(counter), mac };
}

/** Whether the one who signed had the key, and signed just this. */
export function isSignatureRight(
  signature: Signature,
  secret: KeyObject,
  prefix: string,
  audience: string,
  context: Uint8Array,
): boolean {
  // As texts: two of base64 may mean the same bytes.
  const wanted = Buffer.from(macOf(secret, prefix, audience, signature, context).toString('base64url'));
  const seen = Buffer.from(signature.mac);
  return seen.length === wanted.length && timingSafeEqual(seen, wanted);
}

/** A signature key made ready. Throws `INVALID_OPTION`. */
export function signatureSecret({ id, secret }: SignatureKey): KeyObject {
  return secretKey(id, secret, 'signature key');
}

function macOf(
  secret: KeyObject,
  prefix: string,
  audience: string,
  { keyId, signedAtMs, signer, counter }: Omit<Signature, 'mac'>,
  context: Uint8Array,
): Buffer {
  // None of the parts can hold a NUL, so none can be taken for another.
  const head = `colophon.signature.${FORM}\0${prefix}\0${audience}\0${keyId}\0${signedAtMs}\0${signer}\0${counter}\0`;
  return createHmac('sha256', secret).update(head).update(context).digest();
}
