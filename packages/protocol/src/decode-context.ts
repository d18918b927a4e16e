import type { ContextText } from './context.js';
import { errorContext } from './encode-context.js';
import { replaceUnstorable } from './json-text.js';

const MAX_DEPTH = 500;
// numeric holds 131,072 digits before and 16,383 after the point; far from either, and far above any real context.
const HUGE_NUMBER = /[0-9][eE][+-]?0*[0-9]{4,}|[0-9]{10000,}/;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The context of an emission as it came in the WAL, as JSON text that `jsonb` accepts. Anyone who may run SQL can emit,
 * so nothing is taken on trust: what isn't a JSON object in UTF-8 gives `{"colophon.error": …}`; NUL and lone
 * surrogates become U+FFFD. The digits of numbers stay as they were sent.
 */
export function decodeContext(content: Uint8Array): ContextText {
  let text: string;
  try {
    text = utf8.decode(content);
  } catch {
    return errorContext('emission is not UTF-8');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return errorContext('emission is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return errorContext('emission is not a JSON object');
  }
  if (depthOf(value) > MAX_DEPTH) return errorContext(`emission is nested deeper than ${MAX_DEPTH}`);
  if (HUGE_NUMBER.test(text) && holdsHugeNumber(text)) {
    return errorContext('emission holds a number that PostgreSQL cannot');
  }
  return replaceUnstorable(text);
}

function depthOf(value: object): number {
  let depth = 0;
  let level: object[] = [value];
  while (level.length > 0 && depth <= MAX_DEPTH) {
    depth++;
    const next: object[] = [];
    for (const holder of level) {
      for (const member of Object.values(holder)) {
        if (typeof member === 'object' && member !== null) next.push(member);
      }
    }
    level = next;
  }
  return depth;
}

/** Whether it is a number outside strings that has an exponent of four digits or more, or 10,000 digits. */
function holdsHugeNumber(text: string): boolean {
  return HUGE_NUMBER.test(text.replace(/"(?:[^"\\]|\\.)*"/gs, '""'));
}
