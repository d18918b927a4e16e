import http from 'node:http';
import { currentContext } from '@colophon/context';
import { colophon, endpoint, route } from '@colophon/express';
import express from 'express';
import express4 from 'express-4';
import express51 from 'express-5-1';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, close, listen } from './client.js';

/** What the context says in the handler, which is what a write there would be stored with. */
const answer: express.RequestHandler = (_request, response) => {
  response.json(currentContext()?.endpoint);
};

describe.each([
  ['5.3', express],
  ['5.1', express51],
  ['4', express4],
])('routes of Express %s', (_, copy) => {
  const agent = new http.Agent({ keepAlive: true });
  let server: http.Server;

  beforeAll(async () => {
    const app = copy();
    app.use(colophon());
    app.get('/before', (_request, _response, next) => next());
    app.use('/plain', answer);

    const todos = copy.Router({ mergeParams: true });
    todos.route('/:id').put(answer).get(answer);
    todos.get('/', answer);
    todos.get(['/a/:x', '/b/:y'], answer);
    todos.get(/^\/commits\/(\w+)$/, answer);
    app.use('/todos', todos);

    const users = copy.Router();
    users.use('/:user/todos', todos);
    users.get('/:user', answer);
    app.use('/api/v1/users', users);
    app.use('/:tenant/deep', copy.Router().use('/:tenant', copy.Router().use(todos)));
    app.use(['/one/:a', '/two/:b'], copy.Router().get('/x', answer));
    app.use('/flights/:from-:to', copy.Router().get('/seats/:seat', answer));

    const admin = copy();
    admin.get('/users/:id', answer);
    const inner = copy();
    inner.get('/rights/:right', answer);
    admin.use('/inner/:what', inner);
    app.use('/other', copy());
    app.use('/admin/:area', admin);

    const hidden = copy.Router().get('/h/:id', answer);
    app.use('/hidden/:key', (request, response, next) => hidden(request, response, next));
    app.use('/veiled', (request, response, next) =>
      copy.Router().use('/in/:key', hidden)(request, response, next),
    );
    app.get('/rewritten', (request, _response, next) => {
      request.url = '/todos/rewritten';
      next();
    });
    // Express 5 goes on from where it is, so what is rewritten has to come after.
    app.use('/todos', todos);
    app.get('/fails/:id', () => {
      throw new Error('fails');
    });
    app.use(
      '/fails-in/:a',
      copy.Router().get('/:b', () => {
        throw new Error('fails');
      }),
    );
    app.use(((_error, _request, response, _next) => {
      response.json(currentContext()?.endpoint);
    }) as express.ErrorRequestHandler);
    app.use((_request, response) => void response.status(404).json(currentContext()?.endpoint));
    server = await listen(app);
  });
  afterAll(async () => {
    agent.destroy();
    await close(server);
  });

  const [layer] = copy.Router().use('/x', answer).stack;
  const keepsPaths = 'rawPath' in (layer as object) || 'regexp' in (layer as object);
  const cases: [string, string, string][] = [
    ['PUT', '/todos/7?secret=8', 'PUT /todos/:id'],
    ['GET', '/todos/7', 'GET /todos/:id'],
    ['HEAD', '/todos/7', ''],
    ['GET', '/todos', 'GET /todos'],
    ['GET', '/todos/', 'GET /todos'],
    ['GET', '/todos/a/1', 'GET /todos/a/:x'],
    ['GET', '/todos/b/1', 'GET /todos/b/:y'],
    ['GET', '/todos/commits/abc', 'GET /todos/^\\/commits\\/(\\w+)$/'],
    ['GET', '/api/v1/users/ann', 'GET /api/v1/users/:user'],
    ['PUT', '/api/v1/users/ann/todos/7', 'PUT /api/v1/users/:user/todos/:id'],
    ['PUT', '/api/v1/users/todos/todos/7', 'PUT /api/v1/users/:user/todos/:id'],
    ['PUT', '/acme/deep/acme%20inc/7', 'PUT /:tenant/deep/:tenant/:id'],
    ['GET', '/one/1/x', 'GET /one/:a/x'],
    ['GET', '/two/2/x', 'GET /two/:b/x'],
    // Express 5 before 5.3 keeps no paths; what can't be told apart isn't shown.
    [
      'GET',
      '/flights/BER-LIS/seats/7A',
      keepsPaths ? 'GET /flights/:from-:to/seats/:seat' : 'GET /*/seats/:seat',
    ],
    ['GET', '/admin/north/users/7', 'GET /admin/:area/users/:id'],
    ['GET', '/admin/north/inner/deep/rights/r', 'GET /admin/:area/inner/:what/rights/:right'],
    ['GET', '/hidden/key/h/7', 'GET /hidden/:key/h/:id'],
    ['GET', '/veiled/in/key/h/7', 'GET /*/h/:id'],
    ['GET', '/rewritten', 'GET /todos/:id'],
    ['GET', '/fails/7', 'GET /fails/:id'],
    ['GET', '/fails-in/7/8', 'GET /fails-in/:a/:b'],
    ['GET', '/plain/7', 'GET'],
    ['GET', '/nothing/7', 'GET'],
    ['POST', '/todos/7', 'POST'],
    ['GET', '/todos/%E0%A4%A', 'GET'],
  ];
  it.each(cases)('%s %s is %s', async (method, path, wanted) => {
    const { body } = await call(server, agent, { method, path, headers: {} });
    expect(body === '' ? '' : JSON.parse(body)).toBe(wanted);
  });
});

it('has no route, and reads nothing else, where there is no Express', () => {
  const request = new http.IncomingMessage(null as never);
  Object.assign(request, { method: 'PUT', url: '/todos/7' });
  expect(route(request)).toBeUndefined();
  expect(endpoint(request)).toBe('PUT');
});
