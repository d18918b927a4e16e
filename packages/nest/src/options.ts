import { ContextError } from '@colophon/context';
import type { GivenContext } from '@colophon/context/http';
import type { PlatformRequest } from './platform-request.js';
import { requestContext } from './request-context.js';

/** What `ColophonModule.forRoot` takes. */
export interface ColophonModuleOptions<Request = PlatformRequest> {
  /** Gives a request's context, at once or as a promise, before anything else of the application sees the request. Default: `requestContext()`. */
  readonly context?: (request: Request) => GivenContext | PromiseLike<GivenContext>;
  /**
   * Told each time the context function throws, rejects or gives no context. The request goes on, and what it writes is stored with `"colophon.error"`.
   * Default: one process warning, at the first.
   */
  readonly onError?: (error: ContextError, request: Request) => void;
}

/** The options with their defaults. */
export type Settings = Required<ColophonModuleOptions>;

/** Throws `INVALID_OPTION`, so that the application doesn't start. */
export function settingsOf(given: unknown): Settings {
  if (typeof given !== 'object' || given === null) {
    throw invalid(
      `${given === null ? 'null' : `a ${typeof given}`} as options, wanted { context: (request) => ({ … }) }`,
    );
  }
  for (const [name, value] of Object.entries(given)) {
    if (name !== 'context' && name !== 'onError')
      throw invalid(`the option ${name}, wanted context or onError`);
    if (value !== undefined && typeof value !== 'function')
      throw invalid(`${name}: a ${typeof value}, wanted a function`);
  }
  const { context = requestContext(), onError = warnOnce() } = given as ColophonModuleOptions;
  return { context, onError };
}

function invalid(what: string): ContextError {
  return new ContextError('INVALID_OPTION', `ColophonModule was given ${what}`);
}

function warnOnce(): (error: ContextError) => void {
  let isFirst = true;
  return (error) => {
    if (isFirst) process.emitWarning(error);
    isFirst = false;
  };
}
