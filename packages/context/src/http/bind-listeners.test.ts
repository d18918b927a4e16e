import { EventEmitter, once } from 'node:events';
import { expect, it } from 'vitest';
import { currentContext, runOutsideContext, runWithContext } from '../index.js';
import { bindListeners } from './bind-listeners.js';

/** An emitter of a request, and what its listeners saw. */
function ofRequest() {
  const emitter = new EventEmitter();
  const seen: unknown[] = [];
  runWithContext({ user: 1 }, () => bindListeners(emitter));
  return { emitter, seen, see: () => void seen.push(currentContext()?.user) };
}

it('runs a listener as who added it, and as the request where nobody is known', () => {
  const { emitter, seen, see } = ofRequest();
  runWithContext({ user: 2 }, () => emitter.on('x', see));
  runOutsideContext(() => emitter.addListener('x', see));
  runWithContext({ user: 3 }, () =>
    emitter.prependListener('x', see).once('x', see).prependOnceListener('x', see),
  );
  runWithContext({ user: 4 }, () => emitter.emit('x'));
  expect(seen).toEqual([3, 3, 2, 1, 3]);
  seen.length = 0;
  emitter.emit('x');
  expect(seen).toEqual([3, 2, 1]);
});

it('leaves listeners, counts, removal and `this` as they are', async () => {
  const { emitter, seen, see } = ofRequest();
  let self: unknown;
  const listener = function (this: unknown) {
    self = this;
  };
  emitter.on('x', listener).on('x', see).once('x', see).once('y', see);
  expect(emitter.listeners('x')).toEqual([listener, see, see]);
  expect(emitter.listenerCount('x')).toBe(3);
  expect(emitter.off('x', see).listeners('x')).toEqual([listener, see]);
  emitter.emit('x', 1);
  expect(self).toBe(emitter);
  expect(seen).toEqual([1]);
  emitter.removeListener('x', listener).removeListener('x', see).off('y', see);
  expect(emitter.eventNames()).toEqual([]);
  emitter.on('x', see).removeAllListeners('x').emit('x');
  expect(seen).toEqual([1]);
  const given = once(emitter, 'z');
  emitter.emit('z', 7);
  expect(await given).toEqual([7]);
  expect(emitter.listenerCount('error')).toBe(0);
  expect(() => emitter.on('x', 'no function' as never)).toThrow(TypeError);
  expect(Object.keys(emitter)).toEqual(Object.keys(new EventEmitter()));
});

it('binds once, whoever asks again', () => {
  const { emitter, seen, see } = ofRequest();
  const { on } = emitter;
  runWithContext({ user: 9 }, () => bindListeners(emitter));
  expect(emitter.on).toBe(on);
  emitter.on('x', see).emit('x');
  expect(seen).toEqual([1]);
});
