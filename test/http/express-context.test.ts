import http from 'node:http';
import { currentContext, late, mergeContext, runWithContext } from '@colophon/context';
import { colophon, endpoint, ip, requestContext, requestId, user } from '@colophon/express';
import { context as otel, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import connect from 'connect';
import express from 'express';
import { afterEach, describe, expect, it } from 'vitest';
import { type Answer, call, close, listen } from './client.js';

const agent = new http.Agent({ keepAlive: true });
const servers: http.Server[] = [];
afterEach(() => Promise.all(servers.splice(0).map(close)));

async function ask(
  app: http.RequestListener,
  headers: Record<string, string> = {},
  path = '/x',
): Promise<Answer> {
  const server = await listen(app);
  servers.push(server);
  return call(server, agent, { path, headers });
}

/** What a handler finds at the end of this application. */
async function contextIn(...middlewares: express.RequestHandler[]): Promise<unknown> {
  const app = express();
  app.use(...middlewares);
  app.get('/x', (_request, response) => void response.json(currentContext() ?? 'none'));
  return JSON.parse((await ask(app)).body);
}

const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const TRACEPARENT = `00-${TRACE}-00f067aa0ba902b7-01`;

describe('the ready context', () => {
  it('has request id, address, endpoint, and no user where there is none', async () => {
    expect(await contextIn(colophon())).toEqual({
      requestId: expect.stringMatching(UUID),
      ip: '127.0.0.1',
      endpoint: 'GET /x',
    });
  });

  it.each([
    [{ 'x-request-id': 'abc-123', traceparent: TRACEPARENT }, 'abc-123'],
    [{ traceparent: TRACEPARENT }, TRACE],
    [{ 'x-request-id': '', traceparent: TRACEPARENT }, TRACE],
    [{ 'x-request-id': 'x'.repeat(128) }, 'x'.repeat(128)],
    [{ 'x-request-id': 'x'.repeat(129) }, expect.stringMatching(UUID)],
    [{ 'x-request-id': `'; DROP TABLE todo; --` }, expect.stringMatching(UUID)],
    [{ 'x-request-id': 'a b' }, expect.stringMatching(UUID)],
    [{ traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` }, expect.stringMatching(UUID)],
    [{ traceparent: `ff-${TRACE}-00f067aa0ba902b7-01` }, expect.stringMatching(UUID)],
    [{ traceparent: TRACE }, expect.stringMatching(UUID)],
  ])('takes the request id from %j', async (headers, wanted) => {
    const app = express().use(colophon(), (request, response) => {
      // The same however often it is asked for.
      expect(requestId(request)).toBe(currentContext()?.requestId);
      response.json(requestId(request));
    });
    expect(JSON.parse((await ask(app, headers as Record<string, string>)).body)).toEqual(wanted);
  });

  it("has Express's address: a proxy's word counts where it is trusted", async () => {
    const app = express().use(colophon(), (_request, response) => void response.json(currentContext()?.ip));
    const headers = { 'x-forwarded-for': '203.0.113.7' };
    expect(JSON.parse((await ask(app, headers)).body)).toBe('127.0.0.1');
    app.set('trust proxy', 'loopback');
    expect(JSON.parse((await ask(app, headers)).body)).toBe('203.0.113.7');
  });

  it.each([
    ['ann', 'ann'],
    [7, 7],
    [{ id: 7, password: 'secret' }, 7],
    [{ sub: 'ann', exp: 1 }, 'ann'],
    [{ _id: { toString: () => 'hex' } }, 'hex'],
    [{ password: 'secret' }, undefined],
    [null, null],
    [undefined, undefined],
  ])('has of the user %j: %j', async (given, wanted) => {
    expect(user({ user: given })).toEqual(wanted);
    const authenticate: express.RequestHandler = (request, _response, next) => {
      Object.assign(request, { user: given });
      next();
    };
    const context = await contextIn(colophon(), authenticate);
    expect((context as { user?: unknown }).user).toEqual(wanted);
  });

  it('can be adapted and added to', async () => {
    const ready = requestContext<express.Request>({
      ip: false,
      user: (request) => request.get('host')?.slice(0, 9),
      trace: false,
    });
    const context = await contextIn(
      colophon(async (request: express.Request) => ({ ...ready(request), tenant: 'acme' })),
    );
    expect(context).toEqual({
      requestId: expect.any(String),
      endpoint: 'GET /x',
      user: '127.0.0.1',
      tenant: 'acme',
    });
  });

  it('refuses an option that it does not know or cannot use', () => {
    const coded = expect.objectContaining({ code: 'INVALID_OPTION' });
    const options: unknown[] = [{ users: false }, { user: true }, { ip: 'x' }, { trace: () => 1 }];
    for (const option of options) {
      let thrown: unknown;
      try {
        requestContext(option as never);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toEqual(coded);
    }
  });

  it('has the ids of the span that OpenTelemetry has for the request', async () => {
    otel.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const tracer = new BasicTracerProvider().getTracer('test');
    try {
      const app = express().use(colophon(), (_request, response) => void response.json(currentContext()));
      const span = tracer.startSpan('GET');
      const { body } = await ask((request, response) =>
        otel.with(trace.setSpan(otel.active(), span), () => app(request, response)),
      );
      const { traceId, spanId } = span.spanContext();
      expect(JSON.parse(body)).toMatchObject({ traceId, spanId });
      expect(JSON.parse((await ask(app)).body)).not.toHaveProperty('traceId');
    } finally {
      otel.disable();
    }
  });
});

describe('a context function of your own', () => {
  it('may give its context later, add to it later, and be one of several', async () => {
    const context = await contextIn(
      colophon(async () => {
        await new Promise(setImmediate);
        return { tenant: 'acme', endpoint: late(() => 'asked') };
      }),
      colophon((request: express.Request) => ({ second: request.method })),
      (_request, _response, next) => {
        mergeContext({ user: 7 });
        next();
      },
    );
    expect(context).toEqual({ tenant: 'acme', endpoint: 'asked', second: 'GET', user: 7 });
  });

  it.each([undefined, null, {}])('may give %j: a request without a name', async (given) => {
    expect(await contextIn(colophon(() => given))).toEqual({});
  });

  it.each<[string, () => never]>([
    [
      'throws',
      () => {
        throw new TypeError('no such tenant');
      },
    ],
    [
      'rejects',
      (async () => {
        throw new TypeError('no such tenant');
      }) as never,
    ],
    ['gives no object', (() => 'ann') as never],
    ['promises no object', (async () => 'ann') as never],
  ])('that %s costs no request, and is heard of', async (_, context) => {
    const heard: unknown[] = [];
    const onError = (error: Error & { code?: string }, request: express.Request) => {
      heard.push([error.code, error.cause, request.method]);
    };
    expect(await contextIn(colophon(context, { onError }))).toEqual({
      'colophon.error': 'the context function failed',
    });
    expect(heard).toEqual([['CONTEXT_FAILED', expect.any(Error), 'GET']]);
    const failing = () => {
      throw new Error('onError fails');
    };
    expect(await contextIn(colophon(context, { onError: failing }))).toHaveProperty(['colophon.error']);
  });

  it('is left alone with what comes after it: an error of a handler is none of its own', async () => {
    const thrown: unknown[] = [];
    const app = connect();
    app.use(colophon(async () => ({ tenant: 'acme' }), { onError: (error) => thrown.push(error) }));
    app.use(() => {
      throw new Error('handler');
    });
    app.use(
      ((error, _request, response, _next) =>
        void response.end(
          `${error.message} ${JSON.stringify(currentContext())}`,
        )) as connect.ErrorHandleFunction,
    );
    expect((await ask(app)).body).toBe('handler {"tenant":"acme"}');
    expect(thrown).toEqual([]);
  });
});

it('serves Connect, and plain Node', async () => {
  const app = connect();
  app.use(colophon());
  app.use('/x', (_request, response) => void response.end(JSON.stringify(currentContext())));
  const wanted = { requestId: 'r', ip: '127.0.0.1', endpoint: 'GET' };
  expect(JSON.parse((await ask(app, { 'x-request-id': 'r' })).body)).toEqual(wanted);

  const middleware = colophon((request: http.IncomingMessage) => ({
    ip: ip(request),
    at: endpoint(request),
  }));
  const plain = await ask((request, response) =>
    middleware(request, response, () => response.end(JSON.stringify(currentContext()))),
  );
  expect(JSON.parse(plain.body)).toEqual({ ip: '127.0.0.1', at: 'GET' });
});

it('begins every request anew, whatever the connection was used for', async () => {
  const left: unknown[] = [];
  const app = express().use(
    (_request, _response, next) => {
      left.push(currentContext());
      next();
    },
    colophon((request: express.Request) => ({ user: request.get('x-user') })),
    (_request, response) => void response.json(currentContext()),
  );
  const server = await listen(app);
  servers.push(server);
  const one = new http.Agent({ keepAlive: true, maxSockets: 1 });
  for (const user of ['1', '2', '3']) {
    const { body } = await call(server, one, { path: '/', headers: { 'x-user': user } });
    expect(JSON.parse(body)).toEqual({ user });
  }
  one.destroy();
  expect(left).toEqual([undefined, undefined, undefined]);
});

it('goes on within a run that is there already', async () => {
  const outer: express.RequestHandler = (_request, _response, next) =>
    runWithContext({ outer: 1, both: 1 }, next);
  expect(
    await contextIn(
      outer,
      colophon(() => ({ both: 2 })),
    ),
  ).toEqual({ outer: 1, both: 2 });
});
