import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { ColophonError } from './error.js';
import type { JsonText } from './json-text.js';

/**
 * What is done to a value before it is kept or sent.
 *
 * - `drop`: it isn't there at all, nor is its name.
 * - `mask`: a fixed text stands for it. A null stays null.
 * - `hash`: `hmac-sha256:<key id>:<hex>` of its text, so that equal values stay equal. A null stays null.
 */
export type RedactionKind = 'drop' | 'mask' | 'hash';

/** A rule for one column, or one path of a context. */
export type RedactionRule =
  | RedactionKind
  | {
      readonly by: RedactionKind;
      /** The text that stands for the value, with `mask`. Default `***`. */
      readonly mask?: string;
      /** Whether the source may lack the column. Default false: then nothing of the table is read until the rule is put right. */
      readonly mayBeMissing?: boolean;
    };

/** The key of `hash`. */
export interface RedactionKey {
  /** Its name, kept beside each hash, so that it can be replaced: 1 to 64 letters, digits, `-` and `_`. */
  readonly id: string;
  /** At least 16 bytes. Whoever has it can find short values by trying. */
  readonly secret: string | Uint8Array;
}

/** A rule made ready: gives the text that stands for a value's text; null: nothing does. */
export interface Redaction {
  readonly kind: RedactionKind;
  readonly mayBeMissing: boolean;
  readonly replace: ((text: string) => string) | null;
}

const DEFAULT_MASK = '***';
const MIN_SECRET_BYTES = 16;
const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/;
const STRICTNESS: Record<RedactionKind, number> = { hash: 0, mask: 1, drop: 2 };

/** Makes a rule ready; `place` names it in messages. Throws `INVALID_OPTION` for what can't be done to the letter. */
export function redactionOf(rule: RedactionRule, key: RedactionKey | undefined, place: string): Redaction {
  const {
    by: kind,
    mask = DEFAULT_MASK,
    mayBeMissing = false,
    ...rest
  } = typeof rule === 'string' ? { by: rule } : (rule ?? { by: undefined });
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined) throw invalid(`${place} has an unknown key ${JSON.stringify(unknown)}`);
  if (typeof mayBeMissing !== 'boolean') throw invalid(`${place}: mayBeMissing is no boolean`);
  switch (kind) {
    case 'drop':
      return { kind, mayBeMissing, replace: null };
    case 'mask':
      if (typeof mask !== 'string') throw invalid(`${place}: mask is no text`);
      return { kind, mayBeMissing, replace: () => mask };
    case 'hash':
      if (key === undefined) throw invalid(`${place} is hash, but there is no key`);
      return { kind, mayBeMissing, replace: hasher(key) };
    default:
      throw invalid(`${place} is wrong, wanted drop, mask or hash`);
  }
}

/** Of two rules for one value the one that leaves less of it. */
export function stricter(one: Redaction, other: Redaction): Redaction {
  return STRICTNESS[other.kind] > STRICTNESS[one.kind] ? other : one;
}

/** What `hash` makes of a value's text: `hmac-sha256:<key id>:<hex>`. Throws `INVALID_OPTION` for an unusable key. */
export function redactedHash(text: string, key: RedactionKey): string {
  return hasher(key)(text);
}

/** A JSON value as `replace` leaves it; null stays null. */
export function redactedJson(json: JsonText, replace: (text: string) => string): JsonText {
  if (json === 'null') return json;
  const text = json.startsWith('"') ? (JSON.parse(json) as string) : json;
  return JSON.stringify(replace(text));
}

/** A secret made ready for HMAC; `what` names it in messages. Throws `INVALID_OPTION`, never with the secret in it. */
export function secretKey(id: string, secret: string | Uint8Array, what: string): KeyObject {
  if (typeof id !== 'string' || !KEY_ID.test(id)) {
    throw invalid(`The id of the ${what} is wrong, wanted 1 to 64 letters, digits, - and _`);
  }
  const bytes = typeof secret === 'string' ? Buffer.from(secret) : secret;
  if (!(bytes instanceof Uint8Array) || bytes.length < MIN_SECRET_BYTES) {
    throw invalid(`The secret of the ${what} ${id} is too short, wanted at least ${MIN_SECRET_BYTES} bytes`);
  }
  return createSecretKey(bytes);
}

function hasher({ id, secret }: RedactionKey): (text: string) => string {
  const key = secretKey(id, secret, 'redaction key');
  return (text) => `hmac-sha256:${id}:${createHmac('sha256', key).update(text).digest('hex')}`;
}

function invalid(what: string): ColophonError {
  return new ColophonError('INVALID_OPTION', `${what}.`);
}
