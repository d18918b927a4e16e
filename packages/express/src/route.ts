import type { IncomingMessage } from 'node:http';
import type { Application, Route } from './express-router.js';
import { join, RouteSearch } from './route-search.js';

interface RoutedRequest extends IncomingMessage {
  readonly route?: Route;
  readonly app?: Application;
  readonly baseUrl?: string;
}

/** The pattern of the route that was last found for a request. */
const found = new WeakMap<object, { readonly route: Route; readonly pattern: string }>();

/**
 * The pattern of the route that Express has chosen for this request, with those of the routers and applications it is mounted in: `/api/v1/users/:user/todos/:id`. A regular expression
 * is written as one. `undefined` before routing and where no route matched; never the URL itself, which holds ids and worse.
 */
export function route(request: IncomingMessage): string | undefined {
  const { route: chosen, app, baseUrl = '', url = '/' } = request as RoutedRequest;
  if (typeof chosen !== 'object' || chosen === null) return undefined;
  const known = found.get(request);
  if (known?.route === chosen) return known.pattern;
  const search = new RouteSearch(chosen, baseUrl);
  // What a mount has taken away from `url` stands in `baseUrl`, so together they are the path, rewritten or not.
  const path = baseUrl + pathOf(url);
  const pattern =
    (app && search.from(app, path)) ??
    join(search.guess ?? (baseUrl === '' ? '' : '/*'), String(chosen.path));
  found.set(request, { route: chosen, pattern });
  return pattern;
}

/** Method and route pattern, `PUT /todos/:id`; the method alone where there is no route (yet). */
export function endpoint(request: IncomingMessage): string {
  const pattern = route(request);
  return pattern === undefined ? method(request) : `${method(request)} ${pattern}`;
}

/** The request's method, `PUT`. */
export function method(request: IncomingMessage): string {
  return request.method ?? '';
}

function pathOf(url: string): string {
  const end = url.search(/[?#]/);
  return end === -1 ? url : url.slice(0, end);
}
