/**
 * Whether a promise was given where a context is wanted now: no query can wait for it. What it is rejected with is heard
 * here, since it would end the application's process.
 */
export function isPromise(value: unknown): boolean {
  if (!(value instanceof Promise)) return false;
  value.catch(() => {});
  return true;
}
