import {
  type Context,
  currentContext,
  runOutsideContext,
  runWithContext,
  snapshotContext,
} from '@colophon/context';
import { unknownVersion } from './check-client.js';
import type { AnyClient, CreatePrismaPromise, OriginalClient } from './prisma-client.js';
import { setOwn } from './set-own.js';

/**
 * Makes every call of the client belong to the context in which it was called. Prisma's promises are lazy: the call is carried out where somebody waits for it, perhaps in
 * another run, or, in `$transaction([…])`, where that is called. Everything that is called, on models and raw, comes from one function, which is wrapped here.
 */
export function bindCalls(client: OriginalClient): void {
  const { _createItxClient: createItxClient, _createPrismaPromise: create } = client;
  setOwn(client, '_createPrismaPromise', bindPromises(create));
  setOwn(client, '_createItxClient', function _createItxClient(this: AnyClient, ...args: unknown[]) {
    const own = cloneOf(this);
    const itx = createItxClient.apply(own, args);
    const inner = innerClient(itx);
    setOwn(inner, '_createPrismaPromise', bindPromises(inner._createPrismaPromise));
    return itx;
  });
  if (!isBound(client)) throw unknownVersion(client);
}

/** A client of the same kind, as the constructor or `$extends` makes it: what is set on it belongs to one transaction. */
function cloneOf(client: AnyClient): AnyClient {
  const { _originalClient: original, _extensions } = client;
  if (_extensions !== original._extensions) {
    return Object.create(original, {
      _extensions: { value: _extensions },
      _appliedParent: { get: () => client._appliedParent, configurable: true },
    });
  }
  return Object.create(Object.getPrototypeOf(original), Object.getOwnPropertyDescriptors(original));
}

function bindPromises(create: CreatePrismaPromise): CreatePrismaPromise {
  return (callback, operation) => {
    const inContext = snapshotContext();
    return create((transaction) => inContext(() => callback(transaction)), operation);
  };
}

/** What the models and methods of a transaction's client call. Prisma keeps it under a symbol without a name. */
function innerClient(itx: object): OriginalClient {
  const symbol = Object.getOwnPropertySymbols(itx).find(({ description }) => description === undefined);
  return (symbol === undefined ? itx : Reflect.get(itx, symbol)) as OriginalClient;
}

/** Calls of every kind in one context, waited for in none, with the way to the database cut off: whether each is carried out in the context in which it was called. */
function isBound(client: OriginalClient): boolean {
  const carriedOut: (Context | undefined)[] = [];
  const cut: OriginalClient & AnyClient = Object.create(client, {
    _request: { value: async () => carriedOut.push(currentContext()) },
  });
  Object.defineProperty(cut, '_originalClient', { value: cut });
  const model = Object.keys(client._runtimeDataModel.models)[0];
  const [context, calls] = runWithContext({}, () => {
    const extended = cut.$extends({});
    const itx = extended._createItxClient({ kind: 'itx', id: '' }, '', { stack: [] });
    const made = [extended, itx].flatMap((on) => [
      on.$executeRawUnsafe(''),
      ...(model === undefined ? [] : [on[model]!.findMany()]),
    ]);
    return [currentContext(), made];
  });
  runOutsideContext(() => {
    for (const call of calls) call.then();
  });
  return carriedOut.length === calls.length && carriedOut.every((seen) => seen === context);
}
