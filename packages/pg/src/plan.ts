import type { ContextText } from '@colophon/protocol';
import type { StatementKind } from './statement/classify.js';
import { type Emission, NAMELESS, type TransactionState } from './transaction-state.js';

/** Where a statement is about to run. */
export interface Situation {
  readonly state: TransactionState;
  /** `idle`: no transaction is open and the statement is one by itself. `failed`: an open one waits for its ROLLBACK. */
  readonly block: 'idle' | 'open' | 'failed';
  /** False where `state` and `block` are only guessed: earlier statements are still under way, or the client was met in mid-transaction. */
  readonly isCertain: boolean;
}

/** What is sent with a statement: before it, after it. */
export interface Plan {
  readonly before: Emission | null;
  readonly after: Emission | null;
}

/** Nothing is sent with it. */
export const BARE: Plan = { before: null, after: null };

/**
 * What is emitted with a statement, so that after stitching each change has exactly its caller's context. The consumer's rule: the next
 * emission after a change if it is a trail, else the nearest before it, else `{}`.
 *
 * 1. What writes no rows emits nothing; nor does anything in a failed transaction, whose error has to be the server's own.
 * 2. A write is led by its context unless that is in force already. A lead names nothing before it, so it is right whatever came earlier.
 * 3. What may write or not, where nothing was emitted yet: trailed, which assigns no transaction id to a read. A trail also takes
 *    what came before it, so a `{}` goes ahead where rows without a name may be there.
 * 4. The same where something was emitted (even if undone since): led. A trail would rename earlier rows, and the id is assigned anyway.
 * 5. A nameless statement needs `{}` only after somebody's emission.
 * 6. Where nothing is certain: a write is led; what may write is led if there is an id already, and trailed. Right whatever the state is: without an
 *    id there is neither a row nor an emission before it, with one the lead bounds the trail.
 */
export function plan(kind: StatementKind, context: ContextText, situation: Situation): Plan {
  if (kind !== 'write' && kind !== 'unknown') return BARE;
  const isNamed = context !== NAMELESS;
  if (!situation.isCertain) {
    if (isNamed && kind === 'write') return { before: lead(context), after: null };
    return { before: leadIfAssigned(context), after: isNamed ? trail(context) : null };
  }
  const { state, block } = situation;
  if (block === 'failed' || state.last === context) return BARE;
  if (!isNamed && (block === 'idle' || !state.hasEmitted)) return BARE;
  if (kind === 'write' || (block === 'open' && state.hasEmitted))
    return { before: lead(context), after: null };
  const mayRename = block === 'open' && state.mayHoldNameless;
  return { before: mayRename ? leadIfAssigned(NAMELESS) : null, after: trail(context) };
}

function lead(context: ContextText): Emission {
  return { kind: 'lead', context, onlyIfAssigned: false };
}

function leadIfAssigned(context: ContextText): Emission {
  return { kind: 'lead', context, onlyIfAssigned: true };
}

function trail(context: ContextText): Emission {
  return { kind: 'trail', context, onlyIfAssigned: true };
}
