import type { Context, ContextText } from './context.js';
import { escapeNonAscii, replaceUnstorable } from './json-text.js';

/** 64 KiB: an emission is one WAL record a transaction, and a context that needs more is a mistake to be told. */
export const DEFAULT_MAX_CONTEXT_BYTES = 65_536;

/** How a context is put on the wire. */
export interface EncodeOptions {
  /** Largest context in bytes, as JSON in UTF-8. Default 65,536. A larger one is replaced whole by `{"colophon.error": …}`. */
  maxBytes?: number;
  /** Makes of the context what may be sent of it, before it is measured: what is left out doesn't count. Default: all of it. */
  redact?: ((context: ContextText) => ContextText) | null;
}

const UNSERIALIZABLE = '"[unserializable]"';
const OWN_KEYS = 'colophon.';

/**
 * The context as JSON text in pure ASCII, which any database encoding can carry. Never throws:
 * bigint → decimal string; Date → ISO string; undefined, functions and symbols are omitted;
 * NUL and lone surrogates → U+FFFD; a cyclic or throwing value → `"[unserializable]"`, the other keys stay;
 * keys that begin with `colophon.` are omitted; what isn't an object, can't be redacted, or is over `maxBytes`,
 * → `{"colophon.error": …}`.
 */
export function encodeContext(context: Context, options: EncodeOptions = {}): ContextText {
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_CONTEXT_BYTES;
  const json = redacted(replaceUnstorable(stringifyObject(context)), options.redact ?? null);
  // A UTF-16 unit is at most three bytes of UTF-8, so most contexts need no counting.
  if (json.length * 3 > maxBytes) {
    const bytes = Buffer.byteLength(json);
    if (bytes > maxBytes) return errorContext(`context of ${bytes} bytes is over the limit of ${maxBytes}`);
  }
  return escapeNonAscii(json);
}

/** The context that stands where the real one could not be carried. */
export function errorContext(reason: string): ContextText {
  return JSON.stringify({ 'colophon.error': reason });
}

function redacted(json: ContextText, redact: EncodeOptions['redact']): ContextText {
  // Colophon's own words hold nothing of the application's, and must not be lost to a rule for every key.
  if (!redact || json.startsWith('{"colophon.')) return json;
  try {
    return redact(json);
  } catch {
    // Lists within lists by the thousand.
    return errorContext('context cannot be redacted');
  }
}

function stringifyObject(context: Context): string {
  if (typeof context !== 'object' || context === null || Array.isArray(context)) {
    return errorContext('context is not an object');
  }
  try {
    // It would be an object without keys: somebody's name would be lost in silence.
    if ('then' in context && typeof context.then === 'function') return errorContext('context is a promise');
    if (!('toJSON' in context) && !('toJSON' in BigInt.prototype)) {
      try {
        const json = JSON.stringify(context);
        if (!json.includes(OWN_KEYS)) return json;
      } catch {
        // A bigint, a cycle or a throwing value: key by key below.
      }
    }
    const members: string[] = [];
    for (const key of Object.keys(context)) {
      if (key.startsWith(OWN_KEYS)) continue;
      const value = stringifyValue(context, key);
      if (value !== undefined) members.push(`${JSON.stringify(key)}:${value}`);
    }
    return `{${members.join(',')}}`;
  } catch {
    return errorContext('context cannot be read');
  }
}

function stringifyValue(context: Context, key: string): string | undefined {
  try {
    return JSON.stringify(context[key], bigintAsText);
  } catch {
    return UNSERIALIZABLE;
  }
}

/** `this` is the holder: a `BigInt.prototype.toJSON` of the application's has already been applied to `value`. */
function bigintAsText(this: unknown, key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  const original = (this as Record<string, unknown>)[key];
  return typeof original === 'bigint' ? original.toString() : value;
}
