import type { ColophonError } from '@colophon/protocol';
import type { Check } from '@colophon/setup';

/** An error as a check: what stands behind its last colon is the remedy. */
export function failedCheck(name: string, error: ColophonError): Check {
  const text = error.message.replace(/\.$/, '');
  const split = text.lastIndexOf(': ');
  return split < 0
    ? { name, verdict: 'fail', message: text, remedy: null }
    : { name, verdict: 'fail', message: text.slice(0, split), remedy: text.slice(split + 2) };
}
