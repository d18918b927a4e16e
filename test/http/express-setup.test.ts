import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { colophon } from '@colophon/express';
import express from 'express';
import express4 from 'express-4';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { close, listen, portOf } from './client.js';

const warnings: (Error & { code?: string })[] = [];
const collect = (warning: Error) => void warnings.push(warning);
beforeEach(() => {
  warnings.length = 0;
  process.on('warning', collect);
});
afterEach(() => process.off('warning', collect));

/** Warnings are told in a tick of their own. */
async function warned(): Promise<(string | undefined)[]> {
  await new Promise(setImmediate);
  return warnings.map(({ code, message }) => `${code}: ${message}`);
}

describe.each([
  ['5', express],
  ['4', express4],
])('where it is mounted in Express %s', (_, copy) => {
  const handler: express.RequestHandler = (_request, response) => void response.end();

  it('after routes that can write: says so at once', async () => {
    const app = copy();
    app.put('/todos/:id', handler).get('/health', handler).all('/any', handler);
    app.use('/api', copy.Router().post('/users', handler).delete('/users/:id', handler));
    app.use(colophon());
    expect(await warned()).toEqual([
      'MIDDLEWARE_LATE: colophon() was mounted after 4 route(s) that can write (PUT /todos/:id, ALL /any, POST /users, …), whose writes will have no name: move app.use(colophon()) before them',
    ]);
  });

  it('before them, after routes that only read, or on a part of the application: says nothing', async () => {
    const app = copy();
    app.get('/health', handler);
    app.use(express.json(), colophon());
    app.put('/todos/:id', handler);
    app.use('/api', colophon(), copy.Router().post('/users', handler));
    copy.Router().post('/x', handler).use(colophon());
    expect(await warned()).toEqual([]);
  });
});

it.each<[unknown, unknown, RegExp]>([
  [{ user: 1 }, undefined, /^colophon was given a object as context function, wanted/],
  [null, undefined, /^colophon was given null as context function/],
  ['ann', undefined, /^colophon was given a string as context function/],
  [
    { headers: {} },
    {},
    /^colophon was given a request, so it was mounted itself: mount what it returns, app\.use\(colophon\(\)\)$/,
  ],
  [undefined, null, /^colophon was given options it cannot have/],
  [undefined, { onError: 'log' }, /^colophon was given options it cannot have/],
])('colophon(%j, %j) is refused', (context, options, message) => {
  expect(() => colophon(context as never, options as never)).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringMatching(message) }),
  );
});

it('mounted itself, without being called, is said at the first request', async () => {
  const errors: unknown[] = [];
  const app = express().use(
    colophon as never,
    ((error, _request, response, _next) => {
      errors.push(error.code);
      response.end();
    }) as express.ErrorRequestHandler,
  );
  const server = await listen(app);
  try {
    await fetch(`http://127.0.0.1:${portOf(server)}/`);
    expect(errors).toEqual(['INVALID_OPTION']);
  } finally {
    await close(server);
  }
});

it('versions that share no carrier are told of each other, in one line', () => {
  const code = `Object.defineProperty(globalThis, Symbol.for('@colophon/context/0'), { value: {} }); require('@colophon/express');`;
  const output = execFileSync(process.execPath, ['-e', code], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
    stdio: 'pipe',
  });
  expect(output).toBe('');
  const both = execFileSync('sh', ['-c', `"${process.execPath}" -e "$CODE" 2>&1`], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
    env: { ...process.env, CODE: code },
  });
  expect(both).toMatch(
    /^\(node:\d+\) \[CARRIER_CONFLICT\] ColophonWarning: two versions of @colophon\/context are loaded that share no carrier/,
  );
});

/** All that comes over the wire for these requests on one connection, but for the clock. */
async function wire(app: express.Express): Promise<string> {
  const server = await listen(app);
  try {
    const socket = net.connect(portOf(server), '127.0.0.1').setEncoding('latin1');
    let text = '';
    socket.on('data', (chunk) => (text += chunk));
    const requests = ['/json', '/text', '/chunks', '/throws', '/rejects', '/none', '/listeners'];
    const heads = requests.map(
      (path, i) =>
        `GET ${path} HTTP/1.1\r\nHost: x\r\n${i === requests.length - 1 ? 'Connection: close\r\n' : ''}\r\n`,
    );
    socket.write(heads.join(''));
    await once(socket, 'close');
    return text.replace(/^Date: .*\r\n/gm, '');
  } finally {
    await close(server);
  }
}

it.each([
  ['5', express],
  ['4', express4],
])('the application on Express %s stays as it was: answers, headers, errors, order', async (_, copy) => {
  const build = (withIt: boolean) => {
    const app = copy();
    const order: string[] = [];
    app.use((_request, _response, next) => {
      order.push('before');
      next();
      order.push('after');
    });
    if (withIt) app.use(colophon());
    app.get(
      '/json',
      (_request, response) => void response.json({ order: order.push('handler') && order.splice(0) }),
    );
    app.get('/text', (_request, response) => void response.send('text'));
    app.get('/chunks', (_request, response) => {
      response.write('a', () => response.end('b'));
    });
    app.get('/throws', () => {
      throw Object.assign(new Error('thrown'), { status: 418 });
    });
    app.get('/rejects', async (_request, _response, next) => next(new Error('rejected')));
    app.get('/listeners', (request, response) => {
      const listener = () => undefined;
      request.on('end', listener).once('end', listener);
      const counts = [
        request.listeners('end').filter((one) => one === listener).length,
        request.listenerCount('end'),
      ];
      request.off('end', listener);
      counts.push(request.listenerCount('end'));
      request.off('end', listener).removeAllListeners('close');
      response.json({
        counts: [...counts, request.listenerCount('end')],
        keys: Object.keys(request),
        of: Object.keys(response),
      });
    });
    app.use(((error, _request, response, _next) => {
      response.status(error.status ?? 500).json({ ...error, message: error.message });
    }) as express.ErrorRequestHandler);
    return app;
  };
  const without = await wire(build(false));
  expect(without.match(/HTTP\/1\.1 \d/g)).toHaveLength(7);
  expect(await wire(build(true))).toBe(without);
});
