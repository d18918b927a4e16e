import type { ColophonError } from '@colophon/protocol';
import { type Check, fail } from './check.js';

/** An error as a check: what stands behind its last colon or semicolon is the remedy. */
export function failedCheck(name: string, error: ColophonError): Check {
  const text = error.message.replace(/\.$/, '');
  const split = Math.max(text.lastIndexOf(': '), text.lastIndexOf('; '));
  return split < 0
    ? fail(name, error.code, text, null)
    : fail(name, error.code, text.slice(0, split), text.slice(split + 2));
}
