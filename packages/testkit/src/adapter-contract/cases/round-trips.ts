import assert from 'node:assert/strict';
import type { ContractSession } from '../contract-adapter.js';
import type { ContractCase } from '../contract-environment.js';
import { rejection } from '../expect-changes.js';
import { withBoth } from '../with-both.js';
import { inSavepoint, itemOf } from '../with-session.js';

type Operation = (session: ContractSession, id: number) => Promise<unknown>;

/** Each gets ten ids of its own, from `id` on. */
const OPERATIONS: Record<string, Operation> = {
  insert: (session, id) => session.insert(itemOf(id, 'x')),
  'insert of many': (session, id) => session.insertMany([itemOf(id, 'x'), itemOf(id + 1, 'x')]),
  'insert that fails': (session) => rejection(() => session.insert(itemOf(0, 'x'))),
  update: (session, id) => session.update(0, `title ${id}`),
  // Some ORMs reject where no row is found.
  'update of nothing': (session) => session.update(-1, 'x').catch(() => undefined),
  'remove of nothing': (session) => session.remove(-1).catch(() => undefined),
  read: (session) => session.read(0),
  'raw write': (session, id) => session.raw('UPDATE item SET title = $1 WHERE id = $2::int', [`${id}`, 0]),
  'raw function that writes': (session, id) =>
    session.raw("SELECT write_item($1::int, 'x'::text, 'y'::text) AS id", [id]),
  'transaction of reads': (session) => session.transaction((inside) => inside.read(0)),
  'transaction of writes': (session, id) =>
    session.transaction(async (inside) => {
      await inside.read(0);
      await inside.insert(itemOf(id, 'x'));
      await inside.update(id, 'y');
      await inside.raw("SELECT write_item($1::int, 'x'::text, 'y'::text) AS id", [id + 1]);
    }),
  'transaction with a savepoint rolled back': (session, id) =>
    session.transaction(async (inside) => {
      await inside.insert(itemOf(id, 'x'));
      await rejection(() => inSavepoint(inside, (writes) => writes.insert(itemOf(id, 'x'))));
      await inside.insert(itemOf(id + 1, 'x'));
    }),
};

/** Counted on the wire, operation by operation, with a context and without one, against the ORM without Colophon. */
export const roundTripsAdded: ContractCase = {
  name: 'round trips added',
  shows: '0',
  run: (adapter, environment) =>
    withBoth(adapter, environment, 1, async (plain, ours) => {
      await plain.session.insert(itemOf(0, 'x'));
      let id = 10;
      const turnsOf = async ({ session, proxy }: typeof plain, operation: Operation): Promise<number> => {
        const before = proxy.turns();
        await operation(session, (id += 10));
        return proxy.turns() - before;
      };
      // Opens the connection.
      await plain.session.read(0);
      await ours.session.read(0);
      for (const [what, operation] of Object.entries(OPERATIONS)) {
        const turns = {
          plain: [await turnsOf(plain, operation), await turnsOf(plain, operation)],
          named: await environment.runInContext({ user: 'ann' }, async () => [
            await turnsOf(ours, operation),
            await turnsOf(ours, operation),
          ]),
          nameless: await turnsOf(ours, operation),
        };
        const wanted = { plain: turns.plain, named: turns.plain, nameless: turns.plain[1] };
        assert.ok(turns.plain[1]! > 0, `${what} sends nothing without Colophon`);
        assert.deepEqual(turns, wanted, `round trips of ${what}`);
      }
    }),
};
