import type { IncomingMessage } from 'node:http';
import { ContextError } from '@colophon/context';
import type { Middleware } from './connect.js';
import { type Application, type Layer, stackOf } from './express-router.js';

const SAFE_METHODS = new Set(['get', 'head', 'options', 'trace']);

/**
 * `middleware`, which says so where it is mounted after routes that can write: a request that those answer never comes to it, so it can't wait for one.
 * Express tells only what looks like an application (`handle`, `set`) where it is mounted, so it looks like one.
 */
export function mountedLate<Request extends IncomingMessage>(
  middleware: Middleware<Request>,
): Middleware<Request> {
  const application = {
    handle: { value: middleware },
    set: { value: () => middleware },
    emit: {
      value: (event: string, app: Application) => {
        if (event === 'mount') warnWhereLate(app, (middleware as { mountpath?: unknown }).mountpath);
      },
    },
    // Express writes these.
    mountpath: { value: '/', writable: true },
    parent: { value: undefined, writable: true },
  };
  return Object.defineProperties(middleware, application);
}

function warnWhereLate(app: Application, mountpath: unknown): void {
  // On a part of the application it may be meant to follow others.
  if (mountpath !== '/') return;
  const before = [...writingRoutes(stackOf(app).slice(0, -1))];
  if (before.length === 0) return;
  const shown = before.slice(0, 3).join(', ') + (before.length > 3 ? ', …' : '');
  process.emitWarning(
    new ContextError(
      'MIDDLEWARE_LATE',
      `colophon() was mounted after ${before.length} route(s) that can write (${shown}), whose writes will have no name: move app.use(colophon()) before them`,
      { routes: before.length },
    ),
  );
}

function* writingRoutes(stack: readonly Layer[]): Generator<string> {
  for (const { route, handle } of stack) {
    if (route !== undefined) {
      const methods = Object.keys(route.methods ?? {}).filter((method) => !SAFE_METHODS.has(method));
      // `app.all` is every method that Node knows.
      const shown = methods.length > 5 || methods.includes('_all') ? 'ALL' : methods.join('|').toUpperCase();
      if (methods.length > 0) yield `${shown} ${String(route.path)}`;
    } else if (Array.isArray(handle.stack)) {
      yield* writingRoutes(handle.stack);
    }
  }
}
