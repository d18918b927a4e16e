import type { Context } from '@colophon/context';
import { type RequestContextOptions, requestContextOf, requestId, user } from '@colophon/context/http';
import type { ConnectRequest } from './connect.js';
import { activeSpan } from './open-telemetry.js';
import { endpoint } from './route.js';

/** The client's address: Express's own `request.ip`, which heeds `trust proxy`; without Express the socket's. */
export function ip(request: ConnectRequest): string | undefined {
  return request.ip ?? request.socket?.remoteAddress;
}

/**
 * The context function that `colophon()` has when it is given none, to be adapted or added to. It gives `requestId`, `ip`, `endpoint` (`PUT /todos/:id`), `user`, and with OpenTelemetry
 * `traceId` and `spanId`. Endpoint and user are asked for at each write, so they are right whenever they become known.
 * Throws `INVALID_OPTION`.
 */
export function requestContext<Request extends ConnectRequest = ConnectRequest>(
  options: RequestContextOptions<Request> = {},
): (request: Request) => Context {
  return requestContextOf<Request>(
    { early: { requestId, ip }, late: { endpoint, user }, activeSpan },
    options,
  );
}
