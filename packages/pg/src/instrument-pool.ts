import { AsyncResource } from 'node:async_hooks';
import { bindContext, runOutsideContext } from '@colophon/context';
import { shadow } from './instrument-client.js';
import type { ClientLike, PoolLike } from './node-postgres.js';

type AnyFunction = (...args: unknown[]) => unknown;

/**
 * Hooks a pool: who waits for a connection gets it in its own context, not in that of who released it; connections are opened outside any; each new
 * client is given to `adopt`. Gives the way back.
 */
export function hookPool(pool: PoolLike, adopt: (client: ClientLike) => void): () => void {
  const askers = new WeakMap<object, AsyncResource>();
  let asking: AsyncResource | null = null;
  let acquiring: AsyncResource | undefined;
  const undo = [
    shadow(pool, 'connect', (connect) => (callback) => {
      const before = asking;
      // Only for the event: callbacks are bound by themselves, promises by the language.
      asking = pool.listenerCount('acquire') > 0 ? new AsyncResource('ColophonConnect') : null;
      try {
        return typeof callback === 'function'
          ? connect.call(pool, bindContext(callback))
          : connect.call(pool, callback);
      } finally {
        asking = before;
      }
    }),
    shadow(pool, 'query', (query) => (...args: unknown[]) => {
      const last = args.length - 1;
      // Where the connection dies, the pool calls back from the socket.
      if (typeof args[last] === 'function') args[last] = bindContext(args[last] as AnyFunction);
      return query.apply(pool, args);
    }),
    shadow(pool._pendingQueue, 'push', (push) => (pending: object) => {
      if (asking !== null) askers.set(pending, asking);
      return push.call(pool._pendingQueue, pending);
    }),
    shadow(pool, 'newClient', (newClient) => (pending) => {
      if (asking !== null && !askers.has(pending)) askers.set(pending, asking);
      return runOutsideContext(() => {
        const result = newClient.call(pool, pending);
        const client = pool._clients.at(-1);
        if (client !== undefined) adopt(client);
        return result;
      });
    }),
    shadow(pool, 'emit', (emit) => (event, ...args) => {
      if (event === 'acquire' && acquiring !== undefined) {
        return acquiring.runInAsyncScope(emit as AnyFunction, pool, event, ...args) as boolean;
      }
      if (event === 'connect') return runOutsideContext(() => emit.call(pool, event, ...args));
      return emit.call(pool, event, ...args);
    }),
  ];
  if (hasAcquire(pool)) {
    undo.push(
      shadow(pool, '_acquireClient', (acquire) => (client, pending, ...rest) => {
        const before = acquiring;
        acquiring = askers.get(pending);
        try {
          return acquire.call(pool, client, pending, ...rest);
        } finally {
          acquiring = before;
        }
      }),
    );
  }
  return () => {
    for (const step of undo) step();
  };
}

interface Acquiring {
  _acquireClient(client: unknown, pending: object, ...rest: unknown[]): unknown;
}

function hasAcquire(pool: object): pool is Acquiring {
  return typeof (pool as Partial<Acquiring>)._acquireClient === 'function';
}
