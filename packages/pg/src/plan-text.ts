import type { ContextText } from '@colophon/protocol';
import { BARE, plan, type Situation } from './plan.js';
import type { Classified } from './statement/classify.js';
import { advance, type Emission, FRESH, NAMELESS, type Step } from './transaction-state.js';

/** An emission within a text of several statements. */
export interface Insertion {
  /** Where it stands in the application's text, in UTF-16 units. */
  readonly at: number;
  readonly emission: Emission;
}

/** What happens in a text, in order; an emission stands for its insertion, made or not as the server says. */
export type TextStep = Step | { readonly type: 'insertion'; readonly emission: Emission };

/** How a text of several statements is sent. */
export interface TextPlan {
  readonly insertions: readonly Insertion[];
  readonly steps: readonly TextStep[];
}

/**
 * Plans a text that goes out in the simple protocol. Its statements share a transaction unless it says otherwise. After an emission
 * whose outcome only the server will know, the rest is planned without certainty, which is right in either case.
 */
export function planText(classified: Classified, context: ContextText, situation: Situation): TextPlan {
  const insertions: Insertion[] = [];
  const steps: TextStep[] = [];
  let { state, isCertain } = situation;
  let block = situation.block === 'idle' ? ('open' as const) : situation.block;
  for (const statement of classified.statements) {
    const { before, after } =
      block === 'failed' ? BARE : plan(statement.kind, context, { state, block, isCertain });
    if (before !== null) insert(statement.start, before);
    if (context === NAMELESS && (statement.kind === 'write' || statement.kind === 'unknown')) {
      take({ type: 'nameless-write' });
    }
    if (after !== null) insert(statement.end, after);
    if (statement.effect === undefined) continue;
    take({ type: 'effect', effect: statement.effect });
    if (statement.effect === 'end' || statement.effect === 'chain') {
      [state, block, isCertain] = [FRESH, 'open', true];
    } else if (statement.effect === 'rollback-to') block = 'open';
  }
  return { insertions, steps };

  function take(step: Step): void {
    steps.push(step);
    state = advance(state, step);
  }
  function insert(at: number, emission: Emission): void {
    insertions.push({ at, emission });
    steps.push({ type: 'insertion', emission });
    if (emission.onlyIfAssigned) isCertain = false;
    else state = advance(state, { type: 'emission', context: emission.context, wasMade: true });
  }
}

/** What is left to send with a statement whose lead has gone ahead by itself: its trail, where the lead wasn't made. */
export function withoutLead({ insertions, steps }: TextPlan, wasMade: boolean): TextPlan {
  const kept = wasMade ? [] : insertions.filter(({ emission }) => emission.kind === 'trail');
  const emissions = new Set(kept.map(({ emission }) => emission));
  return {
    insertions: kept,
    steps: steps.filter((step) => step.type !== 'insertion' || emissions.has(step.emission)),
  };
}
