import { randomUUID } from 'node:crypto';

/** What is read of a request: Node's, and so that of every framework. */
export interface WithHeaders {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** What ids in use look like (UUIDs, ULIDs, base64, paths of them), and nothing that could be more than an id. */
const ID = /^[\w.:/+=@-]{1,128}$/;
const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:-.*)?$/;

const made = new WeakMap<object, string>();

/**
 * The request's id: the header `X-Request-Id` where it is up to 128 letters, digits and `_ . : / + = @ -`, otherwise the trace id of a valid `traceparent`, otherwise a new UUID.
 * The same for as long as the request lives.
 */
export function requestId(request: WithHeaders): string {
  const known = made.get(request);
  if (known !== undefined) return known;
  const given = request.headers['x-request-id'];
  const id = typeof given === 'string' && ID.test(given) ? given : (traceId(request) ?? randomUUID());
  made.set(request, id);
  return id;
}

function traceId({ headers }: WithHeaders): string | undefined {
  const given = headers.traceparent;
  return typeof given === 'string' ? TRACEPARENT.exec(given)?.[1] : undefined;
}
