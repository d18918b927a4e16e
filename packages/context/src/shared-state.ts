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
const KEY: unique symbol = Symbol.for('@colophon/context/1') as never;

/** The state of this process (of this realm, where there are several, as in Jest). Made by whichever copy is loaded first. */
export const shared: SharedState = (globalThis as { [KEY]?: SharedState })[KEY] ?? createState();

function createState(): SharedState {
  const other = Object.getOwnPropertySymbols(globalThis).find((key) =>
    /^@colophon\/context\/\d+$/.test(key.description ?? ''),
  );
  if (other !== undefined) {
    process.emitWarning(
      `two versions of @colophon/context are loaded that share no carrier (${other.description}, ${KEY.description}), so what one is told the other doesn't see: bring all @colophon packages to one version`,
      { type: 'ColophonWarning', code: 'CARRIER_CONFLICT' },
    );
  }
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
