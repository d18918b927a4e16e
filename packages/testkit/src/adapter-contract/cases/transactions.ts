import assert from 'node:assert/strict';
import type { ContractCase } from '../contract-environment.js';
import { expectChanges, rejection } from '../expect-changes.js';
import { inSavepoint, itemOf, withSession } from '../with-session.js';

/** Each kind of write, in autocommit and in a transaction that is committed. */
export const commit: ContractCase = {
  name: 'commit',
  shows: '✓',
  run: (adapter, environment) =>
    withSession(adapter, environment.url, 2, async (session) => {
      const user = { user: 'ann', endpoint: 'POST /item' };
      await environment.runInContext(user, async () => {
        await session.insert(itemOf(1, 'ann'));
        await session.update(1, 'changed');
        await session.remove(1);
        await session.transaction(async (inside) => {
          await inside.insert(itemOf(2, 'ann'));
          await inside.read(2);
          await inside.update(2, 'changed');
          await inside.insertMany([itemOf(3, 'ann'), itemOf(4, 'ann')]);
          await inside.remove(2);
        });
      });
      await expectChanges(environment, [
        ['CREATE', 1, user],
        ['UPDATE', 1, user],
        ['DELETE', 1, user],
        ['CREATE', 2, user],
        ['UPDATE', 2, user],
        ['CREATE', 3, user],
        ['CREATE', 4, user],
        ['DELETE', 2, user],
      ]);
    }),
};

/** What is rolled back leaves nothing, and its context reaches nobody else. */
export const rollback: ContractCase = {
  name: 'rollback',
  shows: '✓',
  run: (adapter, environment) =>
    withSession(adapter, environment.url, 1, async (session) => {
      const refused = new Error('refused by the application');
      const seen = await rejection(() =>
        environment.runInContext({ user: 'ann' }, () =>
          session.transaction(async (inside) => {
            await inside.insert(itemOf(1, 'ann'));
            await inside.insertMany([itemOf(2, 'ann'), itemOf(3, 'ann')]);
            throw refused;
          }),
        ),
      );
      assert.equal(seen, refused);
      await environment.runInContext({ user: 'bob' }, () => session.insert(itemOf(1, 'bob')));
      await environment.runInContext({ user: 'cid' }, () =>
        session.transaction((inside) => inside.insert(itemOf(2, 'cid'))),
      );
      await session.transaction((inside) => inside.insert(itemOf(3, '')));
      await expectChanges(environment, [
        ['CREATE', 1, { user: 'bob' }],
        ['CREATE', 2, { user: 'cid' }],
        ['CREATE', 3, {}],
      ]);
    }),
};

/** `ROLLBACK TO` takes an emission with it, so what comes after needs another. */
export const savepointRolledBack: ContractCase = {
  name: 'savepoint rolled back',
  shows: '✓',
  run: (adapter, environment) =>
    withSession(adapter, environment.url, 1, async (session) => {
      const as = environment.runInContext;
      const stop = new Error('back to the savepoint');
      await as({ user: 'ann' }, () =>
        session.transaction(async (inside) => {
          const seen = await rejection(() =>
            inSavepoint(inside, async (writes) => {
              await writes.insert(itemOf(1, 'ann'));
              throw stop;
            }),
          );
          assert.equal(seen, stop);
          await inside.insert(itemOf(2, 'ann'));
          await rejection(() => inSavepoint(inside, (writes) => writes.insert(itemOf(2, 'ann'))));
          await inside.insert(itemOf(3, 'ann'));
        }),
      );
      await as({ user: 'bob' }, () =>
        session.transaction(async (inside) => {
          await inside.insert(itemOf(4, 'bob'));
          await rejection(() =>
            as({ user: 'cid' }, () =>
              inSavepoint(inside, async (writes) => {
                await writes.insert(itemOf(5, 'cid'));
                throw stop;
              }),
            ),
          );
          await inside.insert(itemOf(6, 'bob'));
          await inSavepoint(inside, (writes) => writes.insert(itemOf(7, 'bob')));
        }),
      );
      await expectChanges(environment, [
        ['CREATE', 2, { user: 'ann' }],
        ['CREATE', 3, { user: 'ann' }],
        ['CREATE', 4, { user: 'bob' }],
        ['CREATE', 6, { user: 'bob' }],
        ['CREATE', 7, { user: 'bob' }],
      ]);
    }),
};

/** A run inside a run: its own keys over the outer ones, and the outer ones again when it is over; within one transaction too. */
export const nestedContext: ContractCase = {
  name: 'nested context',
  shows: '✓',
  run: (adapter, environment) =>
    withSession(adapter, environment.url, 1, async (session) => {
      const as = environment.runInContext;
      await as({ user: 'ann', request: 'r1' }, async () => {
        await session.insert(itemOf(1, 'ann'));
        await as({ user: 'bob' }, () => session.insert(itemOf(2, 'bob')));
        await session.insert(itemOf(3, 'ann'));
        await session.transaction(async (inside) => {
          await inside.insert(itemOf(4, 'ann'));
          await as({ user: 'bob', job: 'mail' }, async () => {
            await inside.insert(itemOf(5, 'bob'));
            await inside.update(4, 'by bob');
          });
          await inside.insert(itemOf(6, 'ann'));
        });
      });
      const ann = { user: 'ann', request: 'r1' };
      const bob = { user: 'bob', request: 'r1', job: 'mail' };
      await expectChanges(environment, [
        ['CREATE', 1, ann],
        ['CREATE', 2, { user: 'bob', request: 'r1' }],
        ['CREATE', 3, ann],
        ['CREATE', 4, ann],
        ['CREATE', 5, bob],
        ['UPDATE', 4, bob],
        ['CREATE', 6, ann],
      ]);
    }),
};
