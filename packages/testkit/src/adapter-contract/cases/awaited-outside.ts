import type { ContractItem, ContractWrites } from '../contract-adapter.js';
import type { ContractCase } from '../contract-environment.js';
import { expectChanges } from '../expect-changes.js';
import { itemOf, withSession } from '../with-session.js';

/** A run gives a query that somebody else awaits, outside or in another run: it is still the query of the run that gave it. */
export const awaitedOutside: ContractCase = {
  name: 'given out of the run, awaited elsewhere',
  shows: '✓',
  run: (adapter, environment) =>
    withSession(adapter, environment.url, 1, async (session) => {
      const as = environment.runInContext;
      const insert = (on: ContractWrites, item: ContractItem) =>
        on.lazyInsert === undefined ? on.insert(item) : on.lazyInsert(item);
      const ann = { user: 'ann' };
      await as(ann, () => insert(session, itemOf(1, 'ann')));
      const given = as(ann, () => insert(session, itemOf(2, 'ann')));
      await as({ user: 'bob' }, async () => await given);
      await session.transaction(async (inside) => {
        await as(ann, () => insert(inside, itemOf(3, 'ann')));
        await insert(inside, itemOf(4, ''));
      });
      await insert(session, itemOf(5, ''));
      await expectChanges(environment, [
        ['CREATE', 1, ann],
        ['CREATE', 2, ann],
        ['CREATE', 3, ann],
        ['CREATE', 4, {}],
        ['CREATE', 5, {}],
      ]);
    }),
};
