import { ColophonError, type ContextText } from '@colophon/protocol';

/** A context, and whether its signature was right: null where nothing was emitted, or no signature is asked for. */
export interface Named {
  readonly context: ContextText;
  readonly verified: boolean | null;
}

/** Of what nothing was emitted for. */
const NO_CONTEXT: Named = { context: '{}', verified: null };

/**
 * Where stitching stands (SPEC.md, "Stitching"). A segment is the stretch of a transaction between two emissions;
 * `began` is the context of the emission that began it.
 *
 * - `outside`: no transaction is open.
 * - `empty`: no change has come since the last emission, so this segment's number is still free.
 * - `filled`: changes carry this segment's number; its context is known at the next emission or at the end.
 * - `awaiting`: as `empty`, but `began` names the next change alone; `base` is what is in force for those after it.
 * - `single`: that change has come. It keeps its name, whatever follows.
 */
export type SegmentState =
  | { readonly kind: 'outside' }
  | { readonly kind: 'empty'; readonly segment: number; readonly began: Named }
  | { readonly kind: 'filled'; readonly segment: number; readonly began: Named }
  | { readonly kind: 'awaiting'; readonly segment: number; readonly began: Named; readonly base: Named }
  | { readonly kind: 'single'; readonly segment: number; readonly began: Named; readonly base: Named };

/** What happens in a transaction, as far as contexts are concerned. */
export type SegmentEvent =
  | { readonly kind: 'begin' }
  | { readonly kind: 'change' }
  /** An emission that names what follows it. */
  | ({ readonly kind: 'lead' } & Named)
  /** An emission that names also what came before it, back to the previous emission. */
  | ({ readonly kind: 'trail' } & Named)
  /** An emission that names the next change alone. */
  | ({ readonly kind: 'row' } & Named)
  | { readonly kind: 'commit' };

/** A transition: the next state, and the context of the segment that ended with it, where one that has changes did. */
export interface Step {
  readonly state: SegmentState;
  readonly settled: Named | null;
}

type Cell = (state: never, event: never) => Step;
type Filled = Extract<SegmentState, { kind: 'filled' }>;
type Empty = Extract<SegmentState, { kind: 'empty' }>;
type Awaiting = Extract<SegmentState, { kind: 'awaiting' }>;
type Single = Extract<SegmentState, { kind: 'single' }>;
type Emission = Extract<SegmentEvent, Named>;

/** No transaction is open. */
export const OUTSIDE: SegmentState = { kind: 'outside' };
const START: SegmentState = { kind: 'empty', segment: 0, began: NO_CONTEXT };

/** Total: a missing cell doesn't compile. */
const TRANSITIONS: Record<SegmentState['kind'], Record<SegmentEvent['kind'], Cell>> = {
  outside: {
    begin: () => to(START),
    change: refuse,
    lead: refuse,
    trail: refuse,
    row: refuse,
    commit: refuse,
  },
  empty: {
    begin: refuse,
    change: (state: Empty) => to({ ...state, kind: 'filled' }),
    lead: (state: Empty, event: Emission) => to(empty(state.segment, event)),
    trail: (state: Empty, event: Emission) => to(empty(state.segment, event)),
    row: (state: Empty, event: Emission) => to(awaiting(state.segment, event, state.began)),
    commit: () => to(OUTSIDE),
  },
  filled: {
    begin: refuse,
    change: (state: Filled) => to(state),
    lead: (state: Filled, event: Emission) => to(empty(state.segment + 1, event), state.began),
    trail: (state: Filled, event: Emission) => to(empty(state.segment + 1, event), event),
    row: (state: Filled, event: Emission) => to(awaiting(state.segment + 1, event, state.began), state.began),
    commit: (state: Filled) => to(OUTSIDE, state.began),
  },
  awaiting: {
    begin: refuse,
    change: (state: Awaiting) => to({ ...state, kind: 'single' }),
    lead: (state: Awaiting, event: Emission) => to(empty(state.segment, event)),
    trail: (state: Awaiting, event: Emission) => to(empty(state.segment, event)),
    row: (state: Awaiting, event: Emission) => to(awaiting(state.segment, event, state.base)),
    commit: () => to(OUTSIDE),
  },
  single: {
    begin: refuse,
    change: ({ segment, began, base }: Single) =>
      to({ kind: 'filled', segment: segment + 1, began: base }, began),
    lead: (state: Single, event: Emission) => to(empty(state.segment + 1, event), state.began),
    trail: (state: Single, event: Emission) => to(empty(state.segment + 1, event), state.began),
    row: (state: Single, event: Emission) => to(awaiting(state.segment + 1, event, state.base), state.began),
    commit: (state: Single) => to(OUTSIDE, state.began),
  },
};

/** One step of stitching. Pure. Throws `PROTOCOL_VIOLATION` for what no server sends, such as a row outside a transaction. */
export function step(state: SegmentState, event: SegmentEvent): Step {
  return TRANSITIONS[state.kind][event.kind](state as never, event as never);
}

/** The state as it was before what filled the segment came. */
export function unfilled(state: SegmentState): SegmentState {
  if (state.kind === 'single') return { ...state, kind: 'awaiting' };
  return state.kind === 'filled' ? { ...state, kind: 'empty' } : state;
}

/** The state after a change that isn't audited: what would have named it names nothing else. */
export function passedOver(state: SegmentState): SegmentState {
  return state.kind === 'awaiting' ? empty(state.segment, state.base) : state;
}

function to(state: SegmentState, settled: Named | null = null): Step {
  return { state, settled };
}

function empty(segment: number, began: Named): SegmentState {
  return { kind: 'empty', segment, began };
}

function awaiting(segment: number, began: Named, base: Named): SegmentState {
  return { kind: 'awaiting', segment, began, base };
}

function refuse(state: SegmentState, event: SegmentEvent): never {
  throw new ColophonError(
    'PROTOCOL_VIOLATION',
    `Cannot read the replication stream: ${event.kind} came ${state.kind === 'outside' ? 'outside' : 'inside'} a transaction.`,
  );
}
