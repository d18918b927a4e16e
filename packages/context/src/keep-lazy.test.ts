// biome-ignore-all lint/suspicious/noThenProperty: what has a `then` is what it is about.
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { currentContext, runOutsideContext, runWithContext } from './index.js';

/** As ORMs make them: each `then` asks anew, in the context of now. */
class Lazy {
  readonly asked: unknown[] = [];
  then<T>(onFulfilled?: (value: unknown) => T, onRejected?: (error: unknown) => T): Promise<T | unknown> {
    this.asked.push(currentContext());
    return Promise.resolve(currentContext()).then(onFulfilled, onRejected);
  }
}

/** As Prisma makes them: a plain object, whose `catch` doesn't go through its `then`. */
const plainLazy = () => {
  const ask = async () => currentContext();
  return {
    then: (...args: Parameters<Promise<unknown>['then']>) => ask().then(...args),
    catch: (...args: Parameters<Promise<unknown>['catch']>) => ask().catch(...args),
    finally: (...args: Parameters<Promise<unknown>['finally']>) => ask().finally(...args),
  };
};

const ann = { user: 'ann' };
const bob = { user: 'bob' };

describe('what a run gives and is awaited outside', () => {
  it('is asked in the run, and is the same object', async () => {
    const lazy = new Lazy();
    const given = runWithContext(ann, () => lazy);
    expect(given).toBe(lazy);
    expect(Object.keys(given)).toEqual(['asked']);
    expect(await given).toEqual(ann);
    expect(currentContext()).toBeUndefined();
    expect(Object.getOwnPropertyNames(lazy)).toEqual(['asked']);
  });

  it('is asked once in the run, later where it is awaited', async () => {
    const lazy = new Lazy();
    await runWithContext(ann, () => lazy);
    await lazy;
    await runWithContext(bob, async () => await lazy);
    expect(lazy.asked).toEqual([ann, undefined, bob]);
  });

  it.each(['then', 'catch', 'finally'] as const)('by %s of a plain object', async (method) => {
    const lazy = runWithContext(ann, plainLazy);
    const before = lazy[method];
    expect(await lazy[method](undefined as never)).toEqual(ann);
    expect(lazy[method]).not.toBe(before);
    expect(await lazy).toBeUndefined();
    expect(Object.keys(lazy)).toEqual(['then', 'catch', 'finally']);
  });

  it('takes no callback of the awaiter along', async () => {
    const seen = await runWithContext(bob, () =>
      runWithContext(ann, () => new Lazy()).then((value) => [value, currentContext()]),
    );
    expect(seen).toEqual([ann, bob]);
    const other = new AsyncLocalStorage<string>();
    await other.run('awaiter', async () => {
      await runWithContext(ann, () => new Lazy()).then(() => expect(other.getStore()).toBe('awaiter'));
    });
  });

  it('belongs to the inner of two runs, to the later of two runs, to the run in which it is awaited inside', async () => {
    expect(await runWithContext(bob, () => runWithContext(ann, () => new Lazy()))).toEqual(ann);
    const lazy = new Lazy();
    runWithContext(ann, () => lazy);
    expect(await runWithContext(bob, () => lazy)).toEqual(bob);
    expect(await runWithContext(ann, async () => await new Lazy())).toEqual(ann);
    expect(await runWithContext(ann, async () => new Lazy())).toEqual(ann);
  });

  it('belongs to nobody where it was to run outside', async () => {
    const seen = await runWithContext(ann, async () => [
      await runOutsideContext(() => new Lazy()),
      await new Lazy(),
    ]);
    expect(seen).toEqual([undefined, ann]);
  });

  it('is left alone where it is a promise, frozen, or refuses to be asked', async () => {
    const promise = Promise.resolve(1);
    expect(runWithContext(ann, () => promise)).toBe(promise);
    expect(Object.getOwnPropertyNames(promise)).toEqual([]);
    const frozen = Object.freeze(new Lazy());
    expect(runWithContext(ann, () => frozen)).toBe(frozen);
    const refusing = new Proxy(
      {},
      {
        get: () => {
          throw new Error('not to be asked');
        },
      },
    );
    expect(runWithContext(ann, () => refusing)).toBe(refusing);
  });

  it('fails as it fails', async () => {
    const error = new Error('own');
    const failing = { then: (_: unknown, reject: (error: Error) => void) => reject(error) };
    await expect(runWithContext(ann, () => failing)).rejects.toBe(error);
  });
});
