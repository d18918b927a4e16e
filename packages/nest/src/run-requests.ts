import type { EventEmitter } from 'node:events';
import { type RequestRun, runRequest } from '@colophon/context/http';
import type { Settings } from './options.js';

/** The members of Nest's HTTP adapters that are used. */
export interface HttpAdapter {
  getType?(): string;
  getInstance(): unknown;
  use(middleware: (request: EventEmitter, response: EventEmitter, next: () => void) => void): unknown;
  /** Fastify, since Nest 11: one hook before all others. */
  setOnRequestHook?(hook: FastifyHook): void;
  readonly onRequestHook?: unknown;
}

interface FastifyRequest {
  readonly raw: EventEmitter;
}
type FastifyHook = (request: FastifyRequest, reply: { readonly raw: EventEmitter }, done: () => void) => void;

/** From now on every request of the adapter's server has a run of its own. */
export function runRequests(adapter: HttpAdapter, settings: Settings): void {
  const run = (of: unknown, request: EventEmitter, response: EventEmitter): RequestRun => ({
    request,
    response,
    context: () => settings.context(of),
    onError: (error) => settings.onError(error, of),
  });
  if (adapter.getType?.() !== 'fastify') {
    adapter.use((request, response, next) => runRequest(run(request, request, response), () => next()));
    return;
  }
  const begun = new WeakSet<FastifyRequest>();
  const hook: FastifyHook = (request, reply, done) => {
    if (begun.has(request)) return done();
    begun.add(request);
    runRequest(run(request, request.raw, reply.raw), () => done());
  };
  const instance = adapter.getInstance() as { addHook(name: 'onRequest', hook: FastifyHook): unknown };
  instance.addHook('onRequest', hook);
  // Nest's middlewares run in a hook that was added before any module could add one; this place comes before them, but somebody else may take it.
  if (adapter.onRequestHook === undefined) adapter.setOnRequestHook?.(hook);
}
