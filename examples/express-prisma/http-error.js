/** An error that is answered with this status. */
export function httpError(status, message) {
  return Object.assign(new Error(message), { status });
}
