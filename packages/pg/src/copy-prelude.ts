import type { ContextText } from '@colophon/protocol';
import { type BackendMessage, isPlain, type Submittable } from './node-postgres.js';
import { plan, type Situation } from './plan.js';
import { classify } from './statement/classify.js';
import type { Emission } from './transaction-state.js';

/**
 * The emission that has to be made before a COPY … TO stream is submitted, in a round trip of its own; null where none has.
 *
 * Such a stream reads the socket itself from its submission on and ends at the first answer it doesn't know, so nothing may lead it;
 * and trailing it would rename earlier rows of the transaction. Only COPY (… RETURNING …) TO in a transaction that has
 * emitted another context comes to this.
 */
export function copyPrelude(
  query: Submittable,
  context: ContextText,
  situation: Situation,
  standardConformingStrings: boolean | undefined,
): Emission | null {
  if (isPlain(query) || typeof query.text !== 'string') return null;
  const { single, confident, statements } = classify(query.text, standardConformingStrings);
  const statement = statements[0];
  if (!single || !confident || statement?.copy !== 'to') return null;
  const { before } = plan(statement.kind, context, situation);
  // With the context of the COPY itself, also where a nameless one would only keep its trail from what is earlier.
  return before === null ? null : { kind: 'lead', context, onlyIfAssigned: before.onlyIfAssigned };
}

const ANSWERS: ReadonlySet<string> = new Set([
  'rowDescription',
  'dataRow',
  'commandComplete',
  'emptyQuery',
  'errorMessage',
  'error',
  'readyForQuery',
]);

/** Whether a message can be an answer to the prelude; notices and settings are everybody's. */
export function answersPrelude(event: string, message?: BackendMessage): boolean {
  return ANSWERS.has(event === 'message' ? (message?.name ?? '') : event);
}
