import type { ContractSession } from './contract-adapter.js';
import { rejection } from './expect-changes.js';
import { inSavepoint, itemOf } from './with-session.js';

type Step = (session: ContractSession) => Promise<unknown>;

const TYPES = `SELECT 1::int2 AS a, 2::int8 AS b, 1.50::numeric AS c, 0.1::float8 AS d, true AS e, 'é😀'::text AS f,
  '{"a": [1, null]}'::jsonb AS g, '2024-02-29 12:00:00.123456+00'::timestamptz AS h, '2024-02-29'::date AS i,
  '\\xdeadbeef'::bytea AS j, '{1,NULL,3}'::int[] AS k, NULL::int AS l, '00000000-0000-0000-0000-000000000001'::uuid AS m`;

/** What is asked of an ORM without and with Colophon, in this order, one after the other. Each step's result or error is compared. */
export const behaviourScript: Readonly<Record<string, Step>> = {
  insert: (session) => session.insert(itemOf(1, 'ann')),
  'insert of odd text': (session) => session.insert(itemOf(2, `'"\\ $1 é😀`, '')),
  'insert of a key that is there': (session) => session.insert(itemOf(1, 'bob')),
  'insert of many': (session) => session.insertMany([itemOf(3, 'ann'), itemOf(4, 'ann')]),
  'insert of many, one of them there': (session) => session.insertMany([itemOf(5, 'ann'), itemOf(1, 'ann')]),
  'insert of a number that is none': (session) => session.insert(itemOf(2 ** 40, 'ann')),
  read: (session) => session.read(1),
  'read of nothing': (session) => session.read(99),
  update: (session) => session.update(1, 'changed'),
  'update of nothing': (session) => session.update(99, 'changed'),
  remove: (session) => session.remove(4),
  'remove of nothing': (session) => session.remove(99),
  'raw select': (session) => session.raw('SELECT * FROM item WHERE id = $1::int', [1]),
  'raw select of nothing': (session) => session.raw('SELECT * FROM item WHERE id = $1::int', [99]),
  'raw select of many types': (session) => session.raw(TYPES, []),
  'raw insert with RETURNING': (session) =>
    session.raw('INSERT INTO item (id, owner) VALUES ($1::int, $2) RETURNING *', [10, 'ann']),
  'raw insert without': (session) =>
    session.raw('INSERT INTO item (id, owner) VALUES ($1::int, $2)', [11, 'ann']),
  'raw update': (session) => session.raw("UPDATE item SET title = 'raw' WHERE id > 2", []),
  'raw data-modifying CTE': (session) =>
    session.raw(
      "WITH gone AS (DELETE FROM item WHERE id = $1::int RETURNING *) INSERT INTO item SELECT 12, owner, 'moved' FROM gone RETURNING *",
      [11],
    ),
  'raw function that writes': (session) => session.raw("SELECT write_item(13, 'ann'::text, $1) AS id", ['t']),
  'raw function that fails': (session) => session.raw("SELECT write_item(13, 'ann'::text, $1) AS id", ['t']),
  'raw syntax error': (session) => session.raw('INSERT INTO item (id VALUES ($1)', [1]),
  'raw missing table': (session) => session.raw('UPDATE missing SET a = 1', []),
  'raw division by zero': (session) => session.raw('SELECT 1 / $1::int', [0]),
  'raw with a value too few': (session) => session.raw('SELECT $1::int, $2::int', [1]),
  'several at once': (session) =>
    Promise.all([session.insert(itemOf(20, 'x')), session.read(1), session.insert(itemOf(21, 'x'))]),
  'transaction and its value': (session) =>
    session.transaction(async (inside) => [
      await inside.insert(itemOf(30, 'ann')),
      await inside.insertMany([itemOf(31, 'ann')]),
      await inside.read(30),
      await inside.update(30, 'changed'),
      await inside.remove(31),
      await inside.raw('SHOW transaction_isolation', []),
    ]),
  'transaction that the application ends': async (session) => {
    const own = new Error('own');
    const seen = await rejection(() =>
      session.transaction(async (inside) => {
        await inside.insert(itemOf(40, 'ann'));
        throw own;
      }),
    );
    return [seen === own, seen, await session.read(40)];
  },
  'transaction that the database ends': (session) =>
    session.transaction(async (inside) => {
      await inside.insert(itemOf(50, 'ann'));
      await inside.insert(itemOf(50, 'ann'));
    }),
  'transaction that goes on after an error': (session) =>
    session.transaction(async (inside) => [
      await inside.insert(itemOf(60, 'ann')),
      await rejection(() => inside.insert(itemOf(60, 'ann'))),
      await rejection(() => inside.insert(itemOf(61, 'ann'))),
    ]),
  savepoint: (session) =>
    session.transaction(async (inside) => [
      await inside.insert(itemOf(70, 'ann')),
      await rejection(() => inSavepoint(inside, (writes) => writes.insert(itemOf(70, 'ann')))),
      await inSavepoint(inside, (writes) => writes.insert(itemOf(71, 'ann'))),
      await inside.read(70),
    ]),
  'all that is there': (session) => session.raw('SELECT * FROM item ORDER BY id', []),
};
