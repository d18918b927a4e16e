import type { ContextText } from '@colophon/protocol';
import type { TransactionEffect } from './statement/classify.js';

/** The text of the context that names nobody; no emission at all means the same. */
export const NAMELESS: ContextText = '{}';

/** What is known of the emissions in the transaction that is open. */
export interface TransactionState {
  /** The context of the last emission; null where there is none, or where it may have been undone by ROLLBACK TO. */
  readonly last: ContextText | null;
  /** Whether anything was emitted in it, undone or not: then it has a transaction id for good. */
  readonly hasEmitted: boolean;
  /** Whether rows may have been written in it without a name, before any emission. */
  readonly mayHoldNameless: boolean;
}

/** A transaction in which nothing has happened yet. */
export const FRESH: TransactionState = { last: null, hasEmitted: false, mayHoldNameless: false };

/** An emission that is to be, or was, made. */
export interface Emission {
  /** `trail` also names what came before it, back to the previous emission. */
  readonly kind: 'lead' | 'trail';
  readonly context: ContextText;
  /** Whether it is made only where the transaction has an id already. */
  readonly onlyIfAssigned: boolean;
}

/** What happened, as far as the state depends on it. */
export type Step =
  | { readonly type: 'emission'; readonly context: ContextText; readonly wasMade: boolean }
  | { readonly type: 'nameless-write' }
  | { readonly type: 'effect'; readonly effect: TransactionEffect }
  /** An error: what was emitted since a savepoint may be undone. */
  | { readonly type: 'failure' };

/** The state after a step. */
export function advance(state: TransactionState, step: Step): TransactionState {
  switch (step.type) {
    case 'emission':
      return step.wasMade ? { ...state, last: step.context, hasEmitted: true } : state;
    case 'nameless-write':
      return state.hasEmitted || state.mayHoldNameless ? state : { ...state, mayHoldNameless: true };
    case 'effect':
      if (step.effect === 'end' || step.effect === 'chain') return FRESH;
      return step.effect === 'rollback-to' ? { ...state, last: null } : state;
    case 'failure':
      return { ...state, last: null };
  }
}
