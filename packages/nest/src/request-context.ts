import type { Context } from '@colophon/context';
import { type RequestContextOptions, requestContextOf, requestId, user } from '@colophon/context/http';
import { handler } from './handler.js';
import { activeSpan } from './open-telemetry.js';
import type { PlatformRequest } from './platform-request.js';

/** The members that are read, of either platform's request. */
interface AnyRequest {
  readonly method?: string;
  readonly ip?: string;
  readonly socket?: { readonly remoteAddress?: string | undefined };
  /** Express. */
  readonly route?: { readonly path?: unknown };
  readonly app?: { path?(): string };
  /** Fastify. */
  readonly routeOptions?: { readonly url?: string | undefined };
}

/** The pattern of the request's route with prefix and version, `/api/v1/todos/:id`; `undefined` before routing and where no route matched. Never the URL itself. */
export function route(request: PlatformRequest): string | undefined {
  const { route, app, routeOptions } = request as AnyRequest;
  if (routeOptions !== undefined) return routeOptions.url;
  return route?.path === undefined ? undefined : (app?.path?.() ?? '') + String(route.path);
}

/** The request's method, `PUT`. */
export function method(request: PlatformRequest): string {
  return (request as AnyRequest).method ?? '';
}

/** Method and route pattern, `PUT /todos/:id`; the method alone where there is no route (yet). */
export function endpoint(request: PlatformRequest): string {
  const pattern = route(request);
  return pattern === undefined ? method(request) : `${method(request)} ${pattern}`;
}

/** The client's address: the platform's own `request.ip`, which heeds its trusted proxies. */
export function ip(request: PlatformRequest): string | undefined {
  const { ip, socket } = request as AnyRequest;
  return ip ?? socket?.remoteAddress;
}

/** As for every framework, and `handler`: controller and method, `TodosController.update`. */
export interface NestContextOptions<Request> extends RequestContextOptions<Request> {
  /** `false` leaves it out; a function is asked instead. Asked at each write. */
  readonly handler?: false | ((request: Request) => unknown);
}

/**
 * The context function that the module has when it is given none, to be adapted or added to. It gives `requestId`, `ip`, `endpoint` (`PUT /todos/:id`), `handler` (`TodosController.update`),
 * `user`, and with OpenTelemetry `traceId` and `spanId`. Endpoint, handler and user are asked for at each write, so they are right whenever they become known.
 * Throws `INVALID_OPTION`.
 */
export function requestContext<Request = PlatformRequest>(
  options: NestContextOptions<Request> = {},
): (request: Request) => Context {
  const late = { endpoint, handler: handler as (request: PlatformRequest) => unknown, user };
  return requestContextOf<PlatformRequest>({ early: { requestId, ip }, late, activeSpan }, options);
}
