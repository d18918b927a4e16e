import type { ContractCase } from '../contract-environment.js';
import { expectChanges, rejection } from '../expect-changes.js';
import { itemOf, withSession } from '../with-session.js';

/** One connection, errors of every kind on it: whoever comes next writes in his own name, or in none. */
export const connectionReusedAfterError: ContractCase = {
  name: 'connection reused after an error',
  shows: '✓',
  run: (adapter, environment) =>
    withSession(adapter, environment.url, 1, async (session) => {
      const as = (user: string, work: () => Promise<unknown>) => environment.runInContext({ user }, work);
      await as('ann', () => session.insert(itemOf(1, 'ann')));
      await as('ann', () => rejection(() => session.insert(itemOf(1, 'ann'))));
      await as('bob', () => session.insert(itemOf(2, 'bob')));
      await as('ann', () => rejection(() => session.raw('INSERT INTO missing VALUES ($1)', [1])));
      await session.insert(itemOf(3, ''));
      await as('cid', () =>
        rejection(() =>
          session.transaction(async (inside) => {
            await inside.insert(itemOf(4, 'cid'));
            await inside.insertMany([itemOf(5, 'cid'), itemOf(1, 'cid')]);
          }),
        ),
      );
      await session.transaction((inside) => inside.insert(itemOf(6, '')));
      await as('cid', () =>
        rejection(() =>
          session.transaction((inside) =>
            inside.raw('SELECT write_item(7, $1::text, $1::text), 1 / 0', ['cid']),
          ),
        ),
      );
      await as('bob', () =>
        session.transaction(async (inside) => {
          await inside.insert(itemOf(8, 'bob'));
          await inside.update(2, 'after errors');
        }),
      );
      await expectChanges(environment, [
        ['CREATE', 1, { user: 'ann' }],
        ['CREATE', 2, { user: 'bob' }],
        ['CREATE', 3, {}],
        ['CREATE', 6, {}],
        ['CREATE', 8, { user: 'bob' }],
        ['UPDATE', 2, { user: 'bob' }],
      ]);
    }),
};

/** Who writes outside any run stays nameless, whoever used the connection or the transaction before. */
export const noContext: ContractCase = {
  name: 'no context',
  shows: '✓',
  run: (adapter, environment) =>
    withSession(adapter, environment.url, 1, async (session) => {
      const ann = (work: () => Promise<unknown>) => environment.runInContext({ user: 'ann' }, work);
      await session.insert(itemOf(1, ''));
      await ann(() => session.insert(itemOf(2, 'ann')));
      await session.update(2, 'by nobody');
      await session.raw('SELECT write_item($1::int, $2::text, $3::text)', [3, '', 'by a function']);
      await session.transaction(async (inside) => {
        await inside.insert(itemOf(4, ''));
        await ann(() => inside.insert(itemOf(5, 'ann')));
        await inside.remove(3);
        await inside.insertMany([itemOf(6, ''), itemOf(7, '')]);
      });
      await expectChanges(environment, [
        ['CREATE', 1, {}],
        ['CREATE', 2, { user: 'ann' }],
        ['UPDATE', 2, {}],
        ['CREATE', 3, {}],
        ['CREATE', 4, {}],
        ['CREATE', 5, { user: 'ann' }],
        ['DELETE', 3, {}],
        ['CREATE', 6, {}],
        ['CREATE', 7, {}],
      ]);
    }),
};
