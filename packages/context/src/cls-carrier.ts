import type { Carrier } from './carrier.js';
import { ContextError } from './context-error.js';
import { shared } from './shared-state.js';

/** The members of a cls-hooked namespace that the carrier uses. */
export interface ClsNamespace {
  get(key: string): unknown;
  createContext(): object;
  enter(context: object): void;
  exit(context: object): void;
}

/** The name under which a run is kept in the namespace. */
const KEY = 'colophon.run';

/**
 * A carrier that keeps the context in a namespace the application already has, of cls-hooked itself or of `@colophon/context/cls`: so the
 * context reaches whatever the application has bound to that namespace (`ns.bind`, `ns.bindEmitter`, cls-bluebird). Its values and Colophon's don't
 * touch. The same namespace gives the same carrier. Throws `INVALID_OPTION` for what is no namespace.
 */
export function clsCarrier(namespace: ClsNamespace): Carrier {
  if (
    typeof namespace?.createContext !== 'function' ||
    typeof namespace.enter !== 'function' ||
    typeof namespace.exit !== 'function' ||
    typeof namespace.get !== 'function'
  ) {
    throw new ContextError(
      'INVALID_OPTION',
      'clsCarrier was given something that is no cls-hooked namespace: give it what createNamespace(name) returned',
    );
  }
  let carrier = shared.clsCarriers.get(namespace);
  if (carrier === undefined) {
    carrier = createCarrier(namespace);
    shared.clsCarriers.set(namespace, carrier);
  }
  return carrier;
}

function createCarrier(namespace: ClsNamespace): Carrier {
  return {
    run(held, fn) {
      // Not namespace.run: it writes to a thrown error, and cls-hooked's fails where that isn't an object.
      const context = held === undefined ? detached(namespace.createContext()) : namespace.createContext();
      (context as Record<string, unknown>)[KEY] = held;
      namespace.enter(context);
      try {
        return fn();
      } finally {
        namespace.exit(context);
      }
    },
    get: () => namespace.get(KEY),
  };
}

/** The same values without the contexts they came from: what outlives a run (a connection opened in it) must not hold on to it. */
function detached(context: object): object {
  const values: Record<string, unknown> = {};
  for (const key in context) values[key] = (context as Record<string, unknown>)[key];
  return values;
}
