import { instrument } from '@colophon/pg';
import type { ColophonOptions } from './colophon.js';
import type { Adapter, AdapterFactory, Engine } from './prisma-client.js';
import { setOwn } from './set-own.js';

/** What the adapter asks of its pool. */
const METHODS = ['queryRaw', 'executeRaw', 'startTransaction', 'executeScript'] as const;

type Method = (this: Adapter, ...args: unknown[]) => unknown;

/**
 * Instruments the pool that the adapter was given, and each that it will make. The result is to be waited for before the client's first request: it also reaches
 * the pool of an adapter that was connected before.
 */
export function instrumentAdapter(
  factory: AdapterFactory,
  engine: Engine,
  options: ColophonOptions,
): () => Promise<void> | undefined {
  const given = factory.externalPool;
  if (given !== null) instrument(given, options);
  let isInstrumented = given !== null;
  const connect = factory.connect;
  setOwn(factory, 'connect', async function connectInstrumented(this: AdapterFactory) {
    const adapter = await connect.call(this);
    instrument(adapter.client, options);
    isInstrumented = true;
    return adapter;
  });
  let started: Promise<void> | undefined;
  return () => (isInstrumented ? undefined : (started ??= instrumentStarted()));

  /** The engine connects at its first request; if it has done so before, nobody can get at its adapter but the adapter's class. */
  async function instrumentStarted(): Promise<void> {
    // Where it fails, so does the request itself, and that error is the application's.
    await engine.start().catch(() => undefined);
    if (isInstrumented) return;
    const another = await connect.call(factory);
    instrumentClass(Object.getPrototypeOf(another), options);
    await another.dispose();
    isInstrumented = true;
  }
}

/** Instruments the pool of every adapter of this class at its first use from now on. */
function instrumentClass(
  prototype: Record<(typeof METHODS)[number], Method>,
  options: ColophonOptions,
): void {
  for (const name of METHODS) {
    const method = prototype[name];
    setOwn(prototype, name, function instrumented(this: Adapter, ...args: unknown[]) {
      instrument(this.client, options);
      return method.apply(this, args);
    });
  }
}
