import { afterEach, describe, expect, it } from 'vitest';
import { createNamespace } from './cls.js';
import {
  asyncLocalStorageCarrier,
  clsCarrier,
  currentContext,
  late,
  mergeContext,
  runWithContext,
  setCarrier,
  snapshotContext,
} from './index.js';

afterEach(() => setCarrier(asyncLocalStorageCarrier));

describe.each([
  ['AsyncLocalStorage', () => asyncLocalStorageCarrier],
  ['a namespace', () => clsCarrier(createNamespace('app'))],
])('a late value, carried by %s', (_, carrier) => {
  it('is what it is when the context is asked for, and an earlier answer stays', () => {
    setCarrier(carrier());
    let user: unknown;
    runWithContext({ at: 'a', user: late(() => user) }, () => {
      const before = currentContext();
      expect(before).toEqual({ at: 'a', user: undefined });
      user = 42;
      expect(currentContext()).toEqual({ at: 'a', user: 42 });
      expect(before).toEqual({ at: 'a', user: undefined });
      expect(Object.isFrozen(before)).toBe(true);
    });
  });
});

it('gives the same object until a value changes, deeply', () => {
  let user: { id: number } | undefined;
  runWithContext({ user: late(() => user && { ...user }) }, () => {
    const none = currentContext();
    expect(currentContext()).toBe(none);
    user = { id: 1 };
    const one = currentContext();
    expect(one).toEqual({ user: { id: 1 } });
    expect(currentContext()).toBe(one);
    user.id = 2;
    expect(currentContext()).toEqual({ user: { id: 2 } });
    expect(one).toEqual({ user: { id: 1 } });
  });
});

it('is late in runs inside too, and gives way to what is said', () => {
  let user = 1;
  runWithContext({ user: late(() => user), at: late(() => 'a') }, () => {
    runWithContext({ at: 'b' }, () => {
      user = 2;
      expect(currentContext()).toEqual({ user: 2, at: 'b' });
    });
    mergeContext({ user: undefined, more: late(() => user) });
    expect(currentContext()).toEqual({ user: undefined, at: 'a', more: 2 });
    mergeContext({ at: 'c', more: 3 });
    const all = currentContext();
    expect(all).toEqual({ user: undefined, at: 'c', more: 3 });
    expect(currentContext()).toBe(all);
  });
});

it('costs nothing but itself when it fails, and cannot be waited for', () => {
  const context = {
    throws: late(() => {
      throw new Error('no');
    }),
    promises: late(async () => 1),
    user: 1,
  };
  runWithContext(context, () =>
    expect(currentContext()).toEqual({ throws: '[unserializable]', promises: '[unserializable]', user: 1 }),
  );
});

it('may ask for the context, which is then without late values', () => {
  const asked: unknown[] = [];
  const context = { user: 1, asking: late(() => asked.push(currentContext())), other: late(() => 2) };
  runWithContext(context, () => {
    expect(currentContext()).toEqual({ user: 1, asking: 1, other: 2 });
    expect(asked).toEqual([{ user: 1, asking: undefined, other: undefined }]);
  });
});

it('is only what late has made: other functions are left to the wire, which omits them', () => {
  const fn = () => 1;
  runWithContext({ fn, nested: { deep: late(fn) } }, () => {
    expect(currentContext()?.fn).toBe(fn);
    expect(JSON.parse(JSON.stringify(currentContext()))).toEqual({ nested: {} });
  });
});

it('is in a snapshot what it was when that was taken', () => {
  let user = 1;
  const [inContext, later] = runWithContext({ at: 'a', user: late(() => user) }, () => {
    const first = snapshotContext();
    expect(first(currentContext)).toBe(currentContext());
    user = 2;
    return [first, snapshotContext()];
  });
  expect(inContext(currentContext)).toEqual({ at: 'a', user: 1 });
  expect(later(currentContext)).toEqual({ at: 'a', user: 2 });
});
