import type { IncomingMessage, ServerResponse } from 'node:http';
import { ContextError } from '@colophon/context';
import { type GivenContext, runRequest } from '@colophon/context/http';
import type { ConnectRequest, Middleware } from './connect.js';
import { mountedLate } from './mounted-late.js';
import { requestContext } from './request-context.js';

/** How `colophon` deals with what goes wrong. */
export interface ColophonOptions<Request> {
  /**
   * Told each time the context function throws, rejects or gives no context. The request goes on, and what it writes is stored with `"colophon.error"`.
   * Default: one process warning, at the first.
   */
  readonly onError?: (error: ContextError, request: Request) => void;
}

/**
 * The middleware that gives each request a context: everything the request writes is stored with it. Mount it before the routes, `app.use(colophon())`.
 *
 * `context` gives the request's context, at once or as a promise; default: `requestContext()`. `mergeContext` adds to it later in the request.
 * A second one on the same request adds to the first. Nothing of request, response or errors is changed.
 *
 * Throws `INVALID_OPTION` for what is no function. Warns with `MIDDLEWARE_LATE` where routes that can write were mounted before it.
 */
export function colophon<Request extends IncomingMessage = ConnectRequest>(
  context: (
    request: Request,
    response: ServerResponse,
  ) => GivenContext | PromiseLike<GivenContext> = requestContext(),
  options: ColophonOptions<Request> = {},
): Middleware<Request> {
  checkArguments(context, options);
  const onError = options.onError ?? warnOnce();
  const middleware: Middleware<Request> = (request, response, next) =>
    runRequest(
      {
        request,
        response,
        context: () => context(request, response),
        onError: (error) => onError(error, request),
      },
      next,
    );
  return mountedLate(middleware);
}

function checkArguments(context: unknown, options: unknown): void {
  if (typeof context !== 'function') {
    const isRequest = typeof (context as IncomingMessage | null)?.headers === 'object';
    throw new ContextError(
      'INVALID_OPTION',
      isRequest
        ? 'colophon was given a request, so it was mounted itself: mount what it returns, app.use(colophon())'
        : `colophon was given ${context === null ? 'null' : `a ${typeof context}`} as context function, wanted (request) => ({ … }) or nothing`,
    );
  }
  const { onError } = (options ?? {}) as { onError?: unknown };
  if (
    typeof options !== 'object' ||
    options === null ||
    (onError !== undefined && typeof onError !== 'function')
  ) {
    throw new ContextError(
      'INVALID_OPTION',
      'colophon was given options it cannot have, wanted { onError: (error, request) => … } or nothing',
    );
  }
}

function warnOnce(): (error: ContextError) => void {
  let isFirst = true;
  return (error) => {
    if (isFirst) process.emitWarning(error);
    isFirst = false;
  };
}
