import type { ColophonError } from '@colophon/protocol';
import { type Check, found } from './check.js';
import type { FindingId } from './findings.js';
import { type Fix, inWords } from './fix.js';

/** An error as a check: what stands behind its last colon or semicolon is the remedy. */
export function failedCheck(finding: FindingId, error: ColophonError, fix: Fix | null = null): Check {
  const text = error.message.replace(/\.$/, '');
  const split = Math.max(text.lastIndexOf(': '), text.lastIndexOf('; '));
  if (split < 0) return found(finding, text, null, error.code);
  return found(finding, text.slice(0, split), { ...inWords(text.slice(split + 2)), fix }, error.code);
}
