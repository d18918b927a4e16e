import { ColophonError, type ContextText } from '@colophon/protocol';

/** The context of what nothing was emitted for. */
const NO_CONTEXT: ContextText = '{}';

/**
 * Where stitching stands (SPEC.md, "Stitching"). A segment is the stretch of a transaction between two emissions;
 * `began` is the context of the emission that began it.
 *
 * - `outside`: no transaction is open.
 * - `empty`: no change has come since the last emission, so this segment's number is still free.
 * - `filled`: changes carry this segment's number; its context is known at the next emission or at the end.
 */
export type SegmentState =
  | { readonly kind: 'outside' }
  | { readonly kind: 'empty'; readonly segment: number; readonly began: ContextText }
  | { readonly kind: 'filled'; readonly segment: number; readonly began: ContextText };

/** What happens in a transaction, as far as contexts are concerned. */
export type SegmentEvent =
  | { readonly kind: 'begin' }
  | { readonly kind: 'change' }
  /** An emission that names what follows it. */
  | { readonly kind: 'lead'; readonly context: ContextText }
  /** An emission that names also what came before it, back to the previous emission. */
  | { readonly kind: 'trail'; readonly context: ContextText }
  | { readonly kind: 'commit' };

/** A transition: the next state, and the context of the segment that ended with it, where one that has changes did. */
export interface Step {
  readonly state: SegmentState;
  readonly settled: ContextText | null;
}

type Cell = (state: never, event: never) => Step;
type Filled = Extract<SegmentState, { kind: 'filled' }>;
type Empty = Extract<SegmentState, { kind: 'empty' }>;
type Emission = Extract<SegmentEvent, { context: ContextText }>;

/** No transaction is open. */
export const OUTSIDE: SegmentState = { kind: 'outside' };
const START: SegmentState = { kind: 'empty', segment: 0, began: NO_CONTEXT };

/** Total: a missing cell doesn't compile. */
const TRANSITIONS: Record<SegmentState['kind'], Record<SegmentEvent['kind'], Cell>> = {
  outside: { begin: () => to(START), change: refuse, lead: refuse, trail: refuse, commit: refuse },
  empty: {
    begin: refuse,
    change: (state: Empty) => to({ ...state, kind: 'filled' }),
    lead: (state: Empty, event: Emission) => to({ ...state, began: event.context }),
    trail: (state: Empty, event: Emission) => to({ ...state, began: event.context }),
    commit: () => to(OUTSIDE),
  },
  filled: {
    begin: refuse,
    change: (state: Filled) => to(state),
    lead: (state: Filled, event: Emission) => to(after(state, event), state.began),
    trail: (state: Filled, event: Emission) => to(after(state, event), event.context),
    commit: (state: Filled) => to(OUTSIDE, state.began),
  },
};

/** One step of stitching. Pure. Throws `PROTOCOL_VIOLATION` for what no server sends, such as a row outside a transaction. */
export function step(state: SegmentState, event: SegmentEvent): Step {
  return TRANSITIONS[state.kind][event.kind](state as never, event as never);
}

/** The state as it was before what filled the segment came. */
export function unfilled(state: SegmentState): SegmentState {
  return state.kind === 'filled' ? { ...state, kind: 'empty' } : state;
}

function to(state: SegmentState, settled: ContextText | null = null): Step {
  return { state, settled };
}

function after(state: Filled, event: Emission): SegmentState {
  return { kind: 'empty', segment: state.segment + 1, began: event.context };
}

function refuse(state: SegmentState, event: SegmentEvent): never {
  throw new ColophonError(
    'PROTOCOL_VIOLATION',
    `Cannot read the replication stream: ${event.kind} came ${state.kind === 'outside' ? 'outside' : 'inside'} a transaction.`,
  );
}
