import type { Context } from '../context.js';
import { ContextError } from '../context-error.js';
import { late } from '../late.js';

/** Which parts of the ready context to take, and from where. A function is asked instead of the part's own way; `false` leaves the part out. */
export interface RequestContextOptions<Request> {
  /** Default: `X-Request-Id`, otherwise the trace id of `traceparent`, otherwise a new UUID. */
  readonly requestId?: false | ((request: Request) => unknown);
  /** Method and route pattern, `PUT /todos/:id`; the method alone before routing and where no route matched. Asked at each write. */
  readonly endpoint?: false | ((request: Request) => unknown);
  /** Default: `request.user`, or its `id`, `sub` or `_id`. Asked at each write, so it may become known during the request. */
  readonly user?: false | ((request: Request) => unknown);
  /** Default: `request.ip`, which heeds the framework's trusted proxies; otherwise the socket's address. */
  readonly ip?: false | ((request: Request) => unknown);
  /** Whether to take `traceId` and `spanId` of the span that is active when the request begins. Default true: where `@opentelemetry/api` is installed. */
  readonly trace?: boolean;
}

/** The ids of a span, as W3C Trace Context writes them. */
export interface SpanIds {
  readonly traceId: string;
  readonly spanId: string;
}

/** Where a framework has each part. */
export interface RequestParts<Request> {
  readonly early: Readonly<Record<string, (request: Request) => unknown>>;
  readonly late: Readonly<Record<string, (request: Request) => unknown>>;
  readonly activeSpan: () => SpanIds | undefined;
}

/** The context function that gives the framework's `parts`, as `options` want them. Throws `INVALID_OPTION`. */
export function requestContextOf<Request>(
  parts: RequestParts<Request>,
  options: RequestContextOptions<Request>,
): (request: Request) => Context {
  const known = new Set([...Object.keys(parts.early), ...Object.keys(parts.late), 'trace']);
  const chosen = options as Readonly<Record<string, unknown>>;
  for (const [name, value] of Object.entries(chosen)) {
    const isFitting =
      name === 'trace' ? typeof value === 'boolean' : value === false || typeof value === 'function';
    if (value === undefined || (known.has(name) && isFitting)) continue;
    const wanted = known.has(name)
      ? name === 'trace'
        ? 'true or false'
        : 'a function or false'
      : `one of ${[...known].join(', ')}`;
    throw new ContextError(
      'INVALID_OPTION',
      `requestContext was given ${name}: ${typeof value}, wanted ${wanted}`,
      { option: name },
    );
  }
  const take = (of: RequestParts<Request>['early']) =>
    Object.entries(of).flatMap(([name, part]): [string, (request: Request) => unknown][] => {
      const other = chosen[name];
      return other === false ? [] : [[name, typeof other === 'function' ? (other as typeof part) : part]];
    });
  const early = take(parts.early);
  const lates = take(parts.late);
  return (request) => {
    const context: Record<string, unknown> = {};
    for (const [name, part] of early) context[name] = part(request);
    for (const [name, part] of lates) context[name] = late(() => part(request));
    if (options.trace !== false) Object.assign(context, parts.activeSpan());
    return context;
  };
}
