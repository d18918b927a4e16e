import { AsyncResource } from 'node:async_hooks';
import { bindContext, runOutsideContext } from '@colophon/context';
import { shadow } from './instrument-client.js';
import type { ClientLike, PendingLike, PoolLike } from './node-postgres.js';

type AnyFunction = (...args: unknown[]) => unknown;

/**
 * Hooks a pool: who waits for a connection gets it in its own context, not in that of who released it; connections are opened outside any; each new
 * client is given to `adopt`. Gives the way back.
 */
export function hookPool(pool: PoolLike, adopt: (client: ClientLike) => void): () => void {
  const askers = new WeakMap<object, AsyncResource>();
  let asking: AsyncResource | null = null;
  let acquiring: AsyncResource | undefined;
  let asReleaser: ((emit: () => boolean) => boolean) | undefined;
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
      forgetWhenCalled(pending, () => askers.delete(pending));
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
      if (event === 'release' && asReleaser !== undefined) {
        return asReleaser(() => emit.call(pool, event, ...args));
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
  if (hasRelease(pool)) {
    undo.push(
      // The idle timer that starts here lives on, and what it does belongs to nobody.
      shadow(pool, '_release', (release) => (...args) => {
        const before = asReleaser;
        asReleaser =
          pool.listenerCount('release') > 0 ? bindContext((emit: () => boolean) => emit()) : undefined;
        try {
          return runOutsideContext(() => release.apply(pool, args));
        } finally {
          asReleaser = before;
        }
      }),
    );
  }
  return () => {
    for (const step of undo) step();
  };
}

/** A connection keeps for life who waited for it to open: after he was called, only an empty shell. */
function forgetWhenCalled(pending: PendingLike, forget: () => void): void {
  const { callback } = pending;
  if (typeof callback !== 'function') return;
  pending.callback = function once(this: unknown, ...args: unknown[]): unknown {
    pending.callback = nothing;
    forget();
    return callback.apply(this, args);
  };
}

function nothing(): void {}

interface Acquiring {
  _acquireClient(client: unknown, pending: object, ...rest: unknown[]): unknown;
}

interface Releasing {
  _release(...args: unknown[]): unknown;
}

function hasRelease(pool: object): pool is Releasing {
  return typeof (pool as Partial<Releasing>)._release === 'function';
}

function hasAcquire(pool: object): pool is Acquiring {
  return typeof (pool as Partial<Acquiring>)._acquireClient === 'function';
}
