import type { ContractCase } from '../contract-environment.js';
import { expectChanges, type WantedChange } from '../expect-changes.js';
import { itemOf, withSession } from '../with-session.js';

const BULK = 1000;

/** Many rows by the ORM's bulk way. */
export const bulkWrite: ContractCase = {
  name: 'bulk write',
  shows: '✓',
  run: (adapter, environment) =>
    withSession(adapter, environment.url, 2, async (session) => {
      const rows = (from: number, owner: string) =>
        Array.from({ length: BULK }, (_, n) => itemOf(from + n, owner));
      const wanted = (from: number, context: object): WantedChange[] =>
        rows(from, '').map(({ id }) => ['CREATE', id, { ...context }]);
      const user = { user: 'ann' };
      await environment.runInContext(user, () => session.insertMany(rows(0, 'ann')));
      await session.insertMany(rows(BULK, ''));
      await environment.runInContext(user, () =>
        session.transaction((inside) => inside.insertMany(rows(2 * BULK, 'ann'))),
      );
      await expectChanges(environment, [...wanted(0, user), ...wanted(BULK, {}), ...wanted(2 * BULK, user)]);
    }),
};

/** SQL that the ORM hands through: plain, with a data-modifying CTE, a SELECT of a function that writes. */
export const rawSql: ContractCase = {
  name: 'raw SQL',
  shows: '✓',
  run: (adapter, environment) =>
    withSession(adapter, environment.url, 2, async (session) => {
      const user = { user: 'ann' };
      const cte = `WITH gone AS (DELETE FROM item WHERE id = $1::int RETURNING owner)
        INSERT INTO item (id, owner, title) SELECT $2::int, owner, 'moved' FROM gone RETURNING id`;
      await environment.runInContext(user, async () => {
        await session.raw('INSERT INTO item (id, owner, title) VALUES ($1::int, $2, $3)', [1, 'ann', 'raw']);
        await session.raw("UPDATE item SET title = 'no values' WHERE id = 1", []);
        await session.raw(cte, [1, 2]);
        await session.raw('SELECT write_item($1::int, $2::text, $3::text) AS id', [
          3,
          'ann',
          'by a function',
        ]);
        await session.raw("SELECT write_item(4, 'ann', 'no values') AS id", []);
        await session.transaction(async (inside) => {
          await inside.raw('SELECT write_item($1::int, $2::text, $3::text) AS id', [
            5,
            'ann',
            'in a transaction',
          ]);
          await inside.raw(cte, [5, 6]);
          await inside.raw('DELETE FROM item WHERE id = $1::int', [3]);
        });
      });
      await expectChanges(environment, [
        ['CREATE', 1, user],
        ['UPDATE', 1, user],
        ['DELETE', 1, user],
        ['CREATE', 2, user],
        ['CREATE', 3, user],
        ['CREATE', 4, user],
        ['CREATE', 5, user],
        ['DELETE', 5, user],
        ['CREATE', 6, user],
        ['DELETE', 3, user],
      ]);
    }),
};

const ODD = `é 日本 😀 ' '' " \\ \\' $1 $$ -- /* */ ; \n\r\t \u2028 \0 \ud800 %s {{}} `;
const ODD_KEY = `key ' " \\ $1`;
const LARGE_BYTES = 60_000;

/** A context of 60 KB with everything in it that texts get wrong. What jsonb can't hold arrives as U+FFFD. */
export const largeContext: ContractCase = {
  name: 'large context',
  shows: '✓',
  run: (adapter, environment) =>
    withSession(adapter, environment.url, 2, async (session) => {
      const text = ODD.repeat(Math.floor(LARGE_BYTES / Buffer.byteLength(JSON.stringify(ODD))));
      const user = { user: 'ann', [ODD_KEY]: ODD, text };
      await environment.runInContext(user, async () => {
        await session.insert(itemOf(1, 'ann'));
        await session.raw('SELECT write_item($1::int, $2::text, $3::text) AS id', [
          2,
          'ann',
          'by a function',
        ]);
        await session.transaction(async (inside) => {
          await inside.insert(itemOf(3, 'ann'));
          await inside.update(1, 'in a transaction');
        });
      });
      const stored = Object.fromEntries(Object.entries(user).map(([key, value]) => [key, storable(value)]));
      await expectChanges(environment, [
        ['CREATE', 1, stored],
        ['CREATE', 2, stored],
        ['CREATE', 3, stored],
        ['UPDATE', 1, stored],
      ]);
    }),
};

function storable(text: string): string {
  return text.replaceAll('\0', '\ufffd').replaceAll(/\p{Surrogate}/gu, '\ufffd');
}
