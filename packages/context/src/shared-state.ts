import { AsyncLocalStorage } from 'node:async_hooks';
import type { Carrier } from './carrier.js';

/** What all copies of this package in one process have in common. Its shape belongs to `KEY`'s version: a new shape, a new number. */
export interface SharedState {
  carrier: Carrier;
  /** Whether the carrier has held a run: replacing it from then on may lose one. */
  isUsed: boolean;
  readonly asyncLocalStorageCarrier: Carrier;
  /** One carrier a namespace, whichever copy made it. */
  readonly clsCarriers: WeakMap<object, Carrier>;
  /** What runs gave and nobody has awaited yet; see `keepLazy`. */
  readonly lazies: WeakMap<object, { readonly number: number; release(): void }>;
  /** How many of them there ever were. */
  lazyBindings: number;
}

// ESM and CommonJS, or two versions in node_modules, must not lose each other's contexts.
const FAMILY = '@colophon/context/';
const KEY: unique symbol = Symbol.for('@colophon/context/1') as never;

/** The state of this process (of this realm, where there are several, as in Jest). Made by whichever copy is loaded first. */
export const shared: SharedState = (globalThis as { [KEY]?: SharedState })[KEY] ?? createState();

function createState(): SharedState {
  warnOfStrangers();
  const storage = new AsyncLocalStorage<unknown>();
  const carrier: Carrier = {
    run: (held, fn) => storage.run(held, fn),
    get: () => storage.getStore(),
  };
  const state: SharedState = {
    carrier,
    isUsed: false,
    asyncLocalStorageCarrier: carrier,
    clsCarriers: new WeakMap(),
    lazies: new WeakMap(),
    lazyBindings: 0,
  };
  Object.defineProperty(globalThis, KEY, { value: state, enumerable: false });
  return state;
}

/** A copy whose state has another shape shares none: whichever of the two is loaded second says so. */
function warnOfStrangers(): void {
  const strangers = Object.getOwnPropertySymbols(globalThis).filter((key) =>
    Symbol.keyFor(key)?.startsWith(FAMILY),
  );
  if (strangers.length === 0) return;
  process.emitWarning(
    'two versions of @colophon/context are loaded that share no carrier, so what runs in a context of the one is nameless to the other: make it one (npm ls @colophon/context)',
    { type: 'ColophonWarning', code: 'CARRIER_CONFLICT' },
  );
}
