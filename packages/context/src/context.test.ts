// biome-ignore-all lint/suspicious/noExplicitAny: odd values are what it is about.
import { EventEmitter } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createNamespace } from './cls.js';
import {
  asyncLocalStorageCarrier,
  bindContext,
  clsCarrier,
  currentContext,
  mergeContext,
  runOutsideContext,
  runWithContext,
  setCarrier,
  snapshotContext,
} from './index.js';

const tick = () => new Promise((resolve) => setImmediate(resolve));
const coded = (code: string) => expect.objectContaining({ name: 'ColophonError', code, retryable: false });
const codeOf = (fn: () => unknown) => {
  try {
    fn();
  } catch (error) {
    return error;
  }
  return 'nothing thrown';
};

afterEach(() => setCarrier(asyncLocalStorageCarrier));

describe.each([
  ['AsyncLocalStorage', () => asyncLocalStorageCarrier],
  ['a namespace', () => clsCarrier(createNamespace('app'))],
])('carried by %s', (_, carrier) => {
  it('nests: the inner over the outer, and back', async () => {
    setCarrier(carrier());
    expect(currentContext()).toBeUndefined();
    const result = await runWithContext({ user: 1, at: 'a' }, async () => {
      await tick();
      expect(runWithContext({ user: 2 }, currentContext)).toEqual({ user: 2, at: 'a' });
      return currentContext();
    });
    expect(result).toEqual({ user: 1, at: 'a' });
    expect(currentContext()).toBeUndefined();
  });

  it('mergeContext reaches branches started before, no run around or inside, and no snapshot', async () => {
    setCarrier(carrier());
    await runWithContext({ a: 1 }, async () => {
      const taken = currentContext();
      const earlier = tick().then(() => currentContext());
      await runWithContext({ b: 2 }, async () => {
        mergeContext({ a: 9 });
        await tick();
        expect(currentContext()).toEqual({ a: 9, b: 2 });
      });
      expect(currentContext()).toBe(taken);
      const merged = tick().then(() => mergeContext({ user: 7 }));
      await merged;
      expect(currentContext()).toEqual({ a: 1, user: 7 });
      expect(taken).toEqual({ a: 1 });
      mergeContext({ late: true });
      expect(currentContext()).toBe(currentContext());
      await earlier;
    });
    await runWithContext({}, async () => {
      const branch = tick()
        .then(() => tick())
        .then(() => currentContext());
      mergeContext({ seen: true });
      expect(await branch).toEqual({ seen: true });
    });
    expect(codeOf(() => mergeContext({ a: 1 }))).toEqual(coded('NO_ACTIVE_CONTEXT'));
  });

  it('200 runs at once never see each other', async () => {
    setCarrier(carrier());
    const seen = await Promise.all(
      Array.from({ length: 200 }, (_, user) =>
        runWithContext({ user }, async () => {
          for (let i = 0; i < 10; i++) {
            await tick();
            mergeContext({ [`k${user}`]: i });
            expect(Object.keys(currentContext() ?? {})).toEqual(['user', `k${user}`]);
          }
          return currentContext()?.user;
        }),
      ),
    );
    expect(seen).toEqual(seen.map((_, i) => i));
  });

  it('binds a callback to who gave it, also to nobody, and runs what outlives a request outside', () => {
    setCarrier(carrier());
    const emitter = new EventEmitter();
    const seen: unknown[] = [];
    emitter.on(
      'e',
      bindContext(() => seen.push(currentContext())),
    );
    runWithContext({ user: 1 }, () =>
      emitter.on(
        'e',
        bindContext(() => seen.push(currentContext())),
      ),
    );
    runWithContext({ user: 2 }, () => emitter.emit('e'));
    expect(seen).toEqual([undefined, { user: 1 }]);
    expect(runWithContext({ user: 1 }, () => runOutsideContext(currentContext))).toBeUndefined();
    const bound = bindContext(function (this: { x: number }, y: number) {
      return this.x + y;
    });
    expect(bound.call({ x: 1 }, 2)).toBe(3);
  });

  it('a snapshot is the context of when it was taken, wherever it is used', async () => {
    setCarrier(carrier());
    const none = snapshotContext();
    const [taken, merged] = runWithContext({ user: 1 }, () => {
      const before = snapshotContext();
      mergeContext({ later: true });
      expect(before(currentContext)).toEqual({ user: 1 });
      expect(currentContext()).toEqual({ user: 1, later: true });
      return [before, snapshotContext()];
    });
    expect([taken(currentContext), merged(currentContext)]).toEqual([{ user: 1 }, { user: 1, later: true }]);
    await runWithContext({ user: 2 }, async () => {
      expect(none(currentContext)).toBeUndefined();
      const inside = taken(async () => {
        await tick();
        return currentContext();
      });
      expect([await inside, currentContext()]).toEqual([{ user: 1 }, { user: 2 }]);
    });
    // The run itself, not a copy, as long as nothing was merged since.
    const seen = runWithContext({ user: 3 }, () => {
      const inContext = snapshotContext();
      runOutsideContext(() => inContext(() => mergeContext({ from: 'inside' })));
      return currentContext();
    });
    expect(seen).toEqual({ user: 3, from: 'inside' });
  });

  it('lets errors through as they are and restores what was before', async () => {
    setCarrier(carrier());
    for (const thrown of [new Error('x'), 'text', null, Object.freeze(new Error('y'))]) {
      const fn = () => {
        throw thrown;
      };
      expect(codeOf(() => runWithContext({ a: 1 }, fn))).toBe(thrown);
      await expect(runWithContext({ a: 1 }, async () => fn())).rejects.toBe(thrown);
      expect(currentContext()).toBeUndefined();
    }
  });
});

describe('odd contexts', () => {
  it('null and undefined add nothing; what has no names in it is refused before fn is called', () => {
    for (const empty of [null, undefined, {}]) expect(runWithContext(empty, currentContext)).toEqual({});
    const fn = vi.fn();
    for (const odd of ['x', 7, true, ['a'], () => 1, new Map(), new Set(), new Date(), Promise.resolve({})]) {
      expect(codeOf(() => runWithContext(odd as never, fn))).toEqual(coded('INVALID_CONTEXT'));
    }
    expect(fn).not.toHaveBeenCalled();
  });

  it('is a copy: nothing the caller or a reader does renames it', () => {
    const given = { user: { id: 1, tags: ['a'] } };
    runWithContext(given, () => {
      given.user.id = 2;
      given.user.tags.push('b');
      expect(currentContext()).toEqual({ user: { id: 1, tags: ['a'] } });
      expect(() => Object.assign(currentContext() as object, { user: 3 })).toThrow(TypeError);
    });
  });

  it('keeps cycles, instances and the other keys of a throwing getter; __proto__ is only a key', () => {
    const cyclic: Record<string, unknown> = { n: 1 };
    cyclic.self = cyclic;
    const instance = new (class Model {})();
    const given = {
      cyclic,
      instance,
      get bad() {
        throw new Error('no');
      },
    };
    runWithContext(given, () => {
      const context = currentContext() as Record<string, any>;
      expect(context.cyclic.self.self.n).toBe(1);
      expect(context.instance).toBe(instance);
      expect(context.bad).toBe('[unserializable]');
      mergeContext(JSON.parse('{"__proto__":{"admin":true},"a":{"__proto__":{"admin":true}}}'));
      expect((currentContext() as any).admin).toBeUndefined();
      expect((currentContext() as any).a.admin).toBeUndefined();
      expect(({} as any).admin).toBeUndefined();
      expect(Object.keys(currentContext() as object)).toContain('__proto__');
    });
  });
});

describe('setCarrier', () => {
  it('refuses what is no carrier, and to change inside a run', () => {
    expect(codeOf(() => setCarrier({} as never))).toEqual(coded('INVALID_OPTION'));
    expect(codeOf(() => clsCarrier({} as never))).toEqual(coded('INVALID_OPTION'));
    const carrier = clsCarrier(createNamespace('x'));
    runWithContext({}, () => expect(codeOf(() => setCarrier(carrier))).toEqual(coded('CARRIER_CONFLICT')));
  });

  it('is the same for the same namespace, and warns where a used one is replaced', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const [one, two] = [createNamespace('one'), createNamespace('two')];
    setCarrier(clsCarrier(one));
    runWithContext({}, () => {});
    setCarrier(clsCarrier(one));
    expect(warn).not.toHaveBeenCalled();
    setCarrier(clsCarrier(two));
    expect(warn).toHaveBeenCalledWith(
      expect.any(String),
      expect.objectContaining({ code: 'CARRIER_CONFLICT' }),
    );
    warn.mockRestore();
  });
});
