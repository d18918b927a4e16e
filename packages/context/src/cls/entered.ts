import { AsyncLocalStorage } from 'node:async_hooks';

/** A context that a namespace has entered, or assigned to `active`, and what comes back when it is left. */
export interface Entered<C> {
  readonly active: C | null;
  /** `null` only where nothing was entered. */
  below: Entered<C> | null;
}

/** Outside any context. */
const OUTSIDE: Entered<never> = { active: null, below: null };

type Frames = ReadonlyMap<object, Entered<unknown>>;

// One for all namespaces: Node keeps each AsyncLocalStorage that was ever used, and copies each at every asynchronous step.
const storage = new AsyncLocalStorage<Frames | undefined>();

/** What `namespace` has entered, here in this flow of calls. */
export function enteredOf<C>(namespace: object): Entered<C> {
  return (storage.getStore()?.get(namespace) as Entered<C> | undefined) ?? OUTSIDE;
}

/** Replaces it for the rest of this synchronous execution and all that is started from here; flows that began elsewhere are untouched. */
export function setEntered<C>(namespace: object, entered: Entered<C>): void {
  const frames = new Map(storage.getStore());
  if (entered.active === null && entered.below === null) frames.delete(namespace);
  else frames.set(namespace, entered);
  storage.enterWith(frames.size === 0 ? undefined : frames);
}

/**
 * What comes back when `entered` is left. Callbacks that were started inside it run on their own, with nothing but outside below them:
 * kept, a chain of bound callbacks would grow for ever.
 */
export function leave<C>(entered: Entered<C>): Entered<C> {
  const back = entered.below ?? OUTSIDE;
  entered.below = OUTSIDE;
  return back;
}

/** The contexts below the active one, the outermost first, as cls-hooked lists them. */
export function listBelow<C>(entered: Entered<C>): (C | null)[] {
  const list: (C | null)[] = [];
  for (let at = entered.below; at !== null; at = at.below) list.unshift(at.active);
  return list;
}

/** The reverse of `listBelow`. */
export function chainOf<C>(active: C | null, below: readonly (C | null)[]): Entered<C> {
  const under = below.reduce<Entered<C> | null>((chain, one) => ({ active: one, below: chain }), null);
  return { active, below: under };
}
