import assert from 'node:assert/strict';
import { setImmediate as pause } from 'node:timers/promises';
import type { ContractSession } from '../contract-adapter.js';
import type { ContractCase } from '../contract-environment.js';
import { rejection } from '../expect-changes.js';
import { inSavepoint, itemOf, withSession } from '../with-session.js';

const REQUESTS = 100;
const POOL_SIZE = 2;
/** Stored changes of a request: see `request`. */
const CHANGES = 10;

/** Requests at once on few connections. Every row says whose it is, so each change says by itself whether its context is right. */
export const parallelRequests: ContractCase = {
  name: `${REQUESTS} parallel requests on a pool of ${POOL_SIZE}`,
  shows: '0 wrong, 0 missing',
  run: (adapter, environment) =>
    withSession(adapter, environment.url, POOL_SIZE, async (session) => {
      const as = environment.runInContext;
      await Promise.all(
        Array.from({ length: REQUESTS }, (_, n) => {
          const owner = `user ${n}`;
          return as({ user: owner, request: n }, () => request(session, n, owner));
        }),
      );
      const counts = { stored: 0, wrong: 0, missing: 0 };
      for (const { operation, before, after, context } of await environment.changes()) {
        const { owner } = operation === 'DELETE' ? before : after;
        counts.stored++;
        if (Object.keys(context).length === 0) counts.missing++;
        else if (context.user !== owner || `user ${String(context.request)}` !== owner) counts.wrong++;
      }
      assert.deepEqual(counts, { stored: REQUESTS * CHANGES, wrong: 0, missing: 0 });
    }),
};

/** What one request does: autocommit and transactions, with other work between. */
async function request(session: ContractSession, n: number, owner: string): Promise<void> {
  const id = n * 10;
  const read = async (of: number) => assert.equal((await session.read(of))?.owner, owner);
  await pause();
  await session.insert(itemOf(id, owner));
  await read(id);
  await session.update(id, 'autocommit');
  await pause();
  await session.transaction(async (inside) => {
    await inside.insert(itemOf(id + 1, owner));
    await pause();
    await rejection(() =>
      inSavepoint(inside, async (writes) => {
        await writes.insert(itemOf(id + 2, owner));
        throw new Error('back to the savepoint');
      }),
    );
    await inside.insertMany([itemOf(id + 3, owner), itemOf(id + 4, owner)]);
    await pause();
    await inside.update(id + 1, 'transaction');
  });
  await rejection(() =>
    session.transaction(async (inside) => {
      await inside.insert(itemOf(id + 5, owner));
      await pause();
      throw new Error('rolled back');
    }),
  );
  await session.raw('SELECT write_item($1::int, $2::text, $3::text)', [id + 6, owner, 'by a function']);
  await pause();
  await Promise.all([session.insert(itemOf(id + 7, owner)), read(id + 1)]);
  await session.transaction(async (inside) => {
    await inside.read(id + 7);
    await inside.raw('UPDATE item SET title = $1 WHERE id = $2::int', ['raw', id + 7]);
  });
  await session.remove(id);
}
