/**
 * What holds the context while a request runs. A carrier only has to bring one opaque value along: it never looks into it.
 * Write one where neither `asyncLocalStorageCarrier` nor `clsCarrier` fits your way of running things.
 */
export interface Carrier {
  /**
   * Calls `fn` at once, with `held` in force for it and for all that it starts (promises, timers, events of sockets it opens), and gives its result or
   * throws its error unchanged. Afterwards what was in force before is so again. `undefined`: nothing is in force.
   */
  run<T>(held: unknown, fn: () => T): T;
  /** The value in force here; `undefined` where none is. Called for every query, so it must be cheap. */
  get(): unknown;
}
