import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import express from 'express';
import express4 from 'express-4';
import express51 from 'express-5-1';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Call, call, close, listen, MULTIPART, portOf } from './client.js';
import { createApp, seen } from './express-app.js';
import { Notes } from './notes.js';

let notes: Notes;
beforeAll(async () => {
  notes = await Notes.open(inject('serverUrl'));
});
afterAll(() => notes?.close());

type Body = Omit<Call, 'headers'> & { type?: string };
const multipart = 'multipart/form-data; boundary=xx';
const BODIES: readonly Body[] = [
  { method: 'PUT', path: '/todos/7?secret=1', type: 'application/json', body: ['{"title":', '"a', '"}'] },
  { method: 'POST', path: '/urlencoded', type: 'application/x-www-form-urlencoded', body: ['a=1', '&b=2'] },
  { method: 'POST', path: '/raw', body: ['one', 'two'] },
  { method: 'POST', path: '/text', type: 'text/plain', body: ['one', 'two'] },
  { method: 'POST', path: '/multer', type: multipart, body: MULTIPART },
  { method: 'POST', path: '/multer-late', type: multipart, body: MULTIPART },
  { method: 'POST', path: '/busboy', type: multipart, body: MULTIPART },
  { method: 'POST', path: '/events', body: ['one', 'two'] },
  { method: 'POST', path: '/pipe', body: ['one', 'two'] },
  { method: 'POST', path: '/pipeline', body: ['one', 'two'] },
  { path: '/throws/now' },
  { path: '/throws/later' },
  { path: '/throws/rejected' },
  { path: '/nothing/here' },
];

describe.each([
  ['5.3', express],
  ['5.1', express51],
  ['4', express4],
])('Express %s', (version, copy) => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
  let server: http.Server;
  beforeAll(async () => {
    server = await listen(createApp(copy, notes));
  });
  afterAll(async () => {
    agent.destroy();
    await close(server);
  });
  const named = (test: string) => `${version}: ${test}`;
  const as = (test: string, user: number, { type, ...rest }: Body): Call => ({
    ...rest,
    headers: {
      'x-test': named(test),
      'x-user': `user-${user}`,
      'x-request-id': randomUUID(),
      ...(type === undefined ? {} : { 'content-type': type }),
    },
  });

  it('60 users at once over 20 kept connections, by every body parser, upload, stream and error', async () => {
    const users = Array.from({ length: 60 }, (_, user) => user);
    await Promise.all(
      users.map(async (user) => {
        for (let i = 0; i < BODIES.length; i++) {
          const body = BODIES[(i + user) % BODIES.length] as Body;
          const { status } = await call(server, agent, as('bodies', user, body));
          expect(status).toBe(
            body.path.startsWith('/throws') ? 500 : body.path === '/nothing/here' ? 404 : 200,
          );
        }
      }),
    );
    const ways = await notes.expectOwnNames(named('bodies'));
    const each = users.length;
    for (const way of ['json', 'urlencoded', 'raw', 'text', 'multer', 'multer-late'])
      expect([way, ways[way]]).toEqual([way, each]);
    for (const way of ['busboy file', 'busboy data', 'busboy end', 'busboy close'])
      expect([way, ways[way]]).toEqual([way, each]);
    for (const way of ['once data', 'end', 'end, before', 'finish'])
      expect([way, ways[way]]).toEqual([way, each]);
    for (const way of ['pipe final', 'pipe finish', 'after pipeline', 'not found'])
      expect([way, ways[way]]).toEqual([way, each]);
    expect(ways.error).toBe(3 * each);
    // How a body is cut into chunks is TCP's business.
    for (const way of ['data', 'pipe write', 'transform', 'for await'])
      expect(ways[way]).toBeGreaterThanOrEqual(each);
    expect(ways).not.toHaveProperty('never');
  });

  it('requests pipelined on one connection, answered in parts and from the last to the first', async () => {
    const socket = net.connect(portOf(server), '127.0.0.1');
    const ids = Array.from({ length: 6 }, () => randomUUID());
    const heads = ids.map((id, user) => {
      const { headers } = as('pipelined', user, { path: '/parts' });
      const all = { ...headers, 'x-request-id': id, ...(user < 5 ? { 'x-after': ids[user + 1] } : {}) };
      const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
      return { id, text: `GET /parts HTTP/1.1\r\nHost: localhost\r\n${lines.join('')}\r\n` };
    });
    const ways = ['parts', 'parts finish', 'parts close', 'parts written', 'parts ended'];
    const done = Promise.all(heads.flatMap(({ id }) => ways.map((way) => once(seen, `${id} ${way}`))));
    socket.write(heads.map(({ text }) => text).join(''));
    socket.resume();
    await done;
    socket.destroy();
    const stored = await notes.expectOwnNames(named('pipelined'));
    for (const way of ways) expect([way, stored[way]]).toEqual([way, 6]);
  });

  it('server-sent events, driven by other requests, ended by the client', async () => {
    await Promise.all(
      [1, 2, 3].map(async (user) => {
        const stream = as('sse', user, { path: '/sse' });
        const id = stream.headers['x-request-id'] as string;
        const request = http.get({ ...stream, host: '127.0.0.1', port: portOf(server), agent: false });
        const [response] = (await once(request, 'response')) as [http.IncomingMessage];
        for (let event = 0; event < 3; event++) {
          await once(response, 'data');
          await call(server, agent, as('sse', 100 + user, { method: 'POST', path: `/sse/${id}/next` }));
        }
        const closed = once(seen, `${id} sse closed`);
        response.destroy();
        await closed;
      }),
    );
    expect(await notes.expectOwnNames(named('sse'))).toEqual({
      'sse event': 9,
      'sse next': 9,
      'sse closed': 3,
    });
  });

  it('requests that their client aborts in the middle of the body', async () => {
    await Promise.all(
      [1, 2, 3, 4].map(async (user) => {
        const { headers } = as('abort', user, { path: '/abort' });
        const id = headers['x-request-id'] as string;
        const ways = ['abort close', 'abort response close'].map((way) => once(seen, `${id} ${way}`));
        const begun = once(seen, id);
        const request = http.request({
          method: 'POST',
          path: '/abort',
          headers,
          host: '127.0.0.1',
          port: portOf(server),
        });
        request.on('error', () => undefined);
        request.write('the beginning');
        await begun;
        request.destroy();
        await Promise.all(ways);
      }),
    );
    const ways = await notes.expectOwnNames(named('abort'));
    expect(ways).toMatchObject({ 'abort close': 4, 'abort response close': 4 });
  });
});
