import { randomUUID } from 'node:crypto';
import http from 'node:http';
import type { INestApplication } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { call, tellArrivals } from '../http/client.js';
import { Notes } from '../http/notes.js';
import { loadNest, type Nest } from './load-nest.js';
import { appModule, type Platform, startNest } from './nest-app.js';

let notes: Notes;
beforeAll(async () => {
  notes = await Notes.open(inject('serverUrl'));
});
afterAll(() => notes?.close());

interface Request {
  readonly method: string;
  readonly path: string;
  readonly endpoint: string;
  readonly status: number;
  readonly body?: readonly string[];
  readonly type?: string;
  readonly headers?: Record<string, string>;
}

const TODO = 'PUT /api/v1/todos/:id';
const REQUESTS: readonly Request[] = [
  {
    method: 'PUT',
    path: '/api/v1/todos/7?secret=1',
    endpoint: TODO,
    status: 200,
    type: 'application/json',
    body: ['{"title":', '"a', '"}'],
  },
  { method: 'DELETE', path: '/api/v1/todos/7', endpoint: 'DELETE /api/v1/todos/:id', status: 409 },
  { method: 'PUT', path: '/api/v1/todos/8', endpoint: TODO, status: 403, headers: { 'x-allowed': 'no' } },
  { method: 'GET', path: '/api/plain', endpoint: 'GET /api/plain', status: 200 },
  { method: 'GET', path: '/api/plain/events/x', endpoint: 'GET /api/plain/events/:name', status: 200 },
  {
    method: 'POST',
    path: '/api/plain/raw',
    endpoint: 'POST /api/plain/raw',
    status: 201,
    type: 'application/octet-stream',
    body: ['one', 'two'],
  },
];

describe.each(['12', '11', '10'])('Nest %s', (version) => {
  let nest: Nest;
  beforeAll(() => {
    nest = loadNest(version);
  });
  afterAll(() => nest.remove());

  describe.each<Platform>(['express', 'fastify'])('on %s', (platform) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
    let app: INestApplication;
    beforeAll(async () => {
      app = await startNest(
        nest,
        platform,
        appModule(nest, platform, notes, nest.colophon.ColophonModule.forRoot()),
      );
      tellArrivals(app.getHttpServer());
    });
    afterAll(async () => {
      agent.destroy();
      await app?.close();
    });
    const test = `${version} ${platform}`;

    it('50 users at once: guards, interceptors, pipes, providers, handlers, filters', async () => {
      const users = Array.from({ length: 50 }, (_, user) => user);
      await Promise.all(
        users.map(async (user) => {
          for (let i = 0; i < REQUESTS.length; i++) {
            const {
              method,
              path,
              endpoint,
              status,
              body = [],
              type,
              headers,
            } = REQUESTS[(i + user) % REQUESTS.length] as Request;
            const answer = await call(app.getHttpServer(), agent, {
              method,
              path,
              body,
              headers: {
                'x-test': test,
                'x-user': `user-${user}`,
                'x-request-id': randomUUID(),
                'x-endpoint': endpoint,
                ...(type === undefined ? {} : { 'content-type': type }),
                ...headers,
              },
            });
            expect([path, answer.status, answer.body]).toEqual([path, status, expect.anything()]);
          }
        }),
      );
      const ways = await notes.expectOwnNames(test);
      const each = users.length;
      expect(ways).toMatchObject({
        guard: 6 * each,
        'method guard': each,
        controller: 3 * each,
        pipe: 2 * each,
        filter: 2 * each,
        'interceptor before': 7 * each,
        'request-scoped': each,
        'async provider': each,
        event: 3 * each,
        end: each,
      });
    });

    it('knows controller and method, once Nest has told a guard', async () => {
      const handlers: Record<string, unknown> = {};
      for (const { after, context } of await notes.stored(test)) {
        // The application's own guard comes before the module's, as do request-scoped providers and the filter of a request that it turned away.
        const isBefore = /^(?:guard|request-scoped, made|filter)$/.test(String(after.way));
        if (!isBefore) expect((handlers[String(after.endpoint)] ??= context.handler)).toBe(context.handler);
      }
      expect(handlers).toEqual({
        'PUT /api/v1/todos/:id': 'TodosController.update',
        'DELETE /api/v1/todos/:id': 'TodosController.remove',
        'GET /api/plain': 'PlainController.get',
        'GET /api/plain/events/:name': 'PlainController.events',
        'POST /api/plain/raw': 'PlainController.raw',
      });
    });

    it('has middlewares in the run too, but for Fastify before Nest 11', async () => {
      const middleware = `${test} middleware`;
      // Which routes `forRoutes('plain')` means is the platform's.
      const calls = platform === 'express' ? 150 : 50;
      if (test !== '10 fastify')
        expect(await notes.expectOwnNames(middleware)).toEqual({ middleware: calls });
      else
        expect((await notes.stored(middleware)).map(({ context }) => context)).toEqual(Array(calls).fill({}));
    });
  });
});
