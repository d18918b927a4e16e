import assert from 'node:assert/strict';
import type { ContractSession } from '../contract-adapter.js';
import type { ContractCase } from '../contract-environment.js';
import { withBoth } from '../with-both.js';
import { itemOf, rowsOf } from '../with-session.js';

const READS: Record<string, (session: ContractSession) => Promise<unknown>> = {
  'a read': (session) => session.read(1),
  'a read of nothing': (session) => session.read(2),
  'a raw read': (session) => session.raw('SELECT count(*)::int AS n FROM item WHERE id > $1::int', [0]),
  'reads in a transaction': (session) =>
    session.transaction(async (inside) => {
      await inside.read(1);
      await inside.raw('SELECT max(id) AS m FROM item', []);
    }),
};

/** With a context in force, a read sends the very bytes that it sends without Colophon, and gets no transaction id. */
export const readsStayReads: ContractCase = {
  name: 'reads: no byte more, no transaction id',
  shows: '✓',
  run: (adapter, environment) =>
    withBoth(adapter, environment, 1, async (plain, ours) => {
      await plain.session.insert(itemOf(1, ''));
      const user = { user: 'ann' };
      for (const [what, read] of Object.entries(READS)) {
        const bytesOf = async ({ session, proxy }: typeof plain): Promise<number> => {
          // Once before, for what is sent once a connection.
          await read(session);
          const before = proxy.bytes.toServer;
          await read(session);
          return proxy.bytes.toServer - before;
        };
        const wanted = await bytesOf(plain);
        assert.ok(wanted > 0, `${what} sends nothing without Colophon`);
        const seen = await environment.runInContext(user, () => bytesOf(ours));
        assert.equal(seen, wanted, `bytes that ${what} sends`);
      }
      await environment.runInContext(user, () =>
        ours.session.transaction(async (inside) => {
          await inside.read(1);
          const sql = 'SELECT pg_current_xact_id_if_assigned()::text AS xid';
          assert.equal(rowsOf(await inside.raw(sql, []))[0]?.xid, null, 'transaction id after a read');
          await inside.update(1, 'a write');
          assert.notEqual(rowsOf(await inside.raw(sql, []))[0]?.xid, null, 'transaction id after a write');
        }),
      );
    }),
};
