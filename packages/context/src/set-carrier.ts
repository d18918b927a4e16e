import type { Carrier } from './carrier.js';
import { ContextError } from './context-error.js';
import { shared } from './shared-state.js';

/** The default carrier: Node's `AsyncLocalStorage`. `setCarrier(asyncLocalStorageCarrier)` returns to it. */
export const asyncLocalStorageCarrier: Carrier = shared.asyncLocalStorageCarrier;

/**
 * Chooses what holds the context, for all copies of this package in the process. Call it once, when the application starts.
 *
 * The same carrier again does nothing. Inside a run it throws `CARRIER_CONFLICT`, since that run's context would be lost. Outside,
 * replacing a chosen carrier that has already held runs is done, with a process warning of code `CARRIER_CONFLICT`: two parts of
 * the application disagree, and runs still under way lose their context. Throws `INVALID_OPTION` for what is no carrier.
 */
export function setCarrier(carrier: Carrier): void {
  if (typeof carrier?.run !== 'function' || typeof carrier.get !== 'function') {
    throw new ContextError(
      'INVALID_OPTION',
      'setCarrier was given something without run() and get(): give it a Carrier, such as clsCarrier(namespace)',
    );
  }
  if (carrier === shared.carrier) return;
  if (shared.carrier.get() !== undefined) {
    throw new ContextError(
      'CARRIER_CONFLICT',
      'setCarrier was called inside a run, whose context would be lost: call it when the application starts, outside any run',
    );
  }
  if (shared.isUsed && shared.carrier !== asyncLocalStorageCarrier && carrier !== asyncLocalStorageCarrier) {
    process.emitWarning(
      'setCarrier replaced a carrier that had already held contexts: runs still under way lose theirs; choose one carrier, once',
      { type: 'ColophonWarning', code: 'CARRIER_CONFLICT' },
    );
  }
  shared.carrier = carrier;
  shared.isUsed = false;
}
