import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import type { Layer } from './express-router.js';
import { mountPattern } from './mount-pattern.js';

type Router = { use(path: unknown, handle: () => void): { stack: Layer[] } };
// Of before Express 5.3: its layers keep neither path nor expression.
const Router = createRequire(__filename)('router-2-2') as () => Router;
const mounted = (path: unknown, url: string) => {
  const layer = Router().use(path, () => undefined).stack[0] as Layer;
  expect(layer).not.toHaveProperty('rawPath');
  return mountPattern(layer, url);
};

it.each([
  ['/', '/users/7', '', ''],
  ['/users', '/users/7', '/users', '/users'],
  ['/users/:id', '/users/7/x', '/users/:id', '/users/7'],
  ['/:a/:b', '/1/1/x', '/:a/:b', '/1/1'],
  ['/users/:users', '/users/users/users', '/users/:users', '/users/users'],
  ['/users/:id', '/users/J%C3%BCrgen', '/users/:id', '/users/J%C3%BCrgen'],
  [['/one/:a', '/two/:b'], '/two/2/x', '/two/:b', '/two/2'],
  // What can't be told apart gives no part of the client's path away.
  ['/flights/:from-:to', '/flights/BER-LIS/7', '/*', '/flights/BER-LIS'],
  ['/files/*path', '/files/a/b', '/*', '/files/a/b'],
])('%j, asked for %s, is %s', (path, url, pattern, taken) => {
  expect(mounted(path, url)).toEqual({ pattern, taken });
});

it.each([
  ['/users/:id', '/todos/7'],
  ['/users/:id', '/users/%E0%A4%A'],
])('%s does not match %s', (path, url) => {
  expect(mounted(path, url)).toBeUndefined();
});
