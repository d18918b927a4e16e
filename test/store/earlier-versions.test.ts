import { migrateStore, openStore, PostgresStore } from '@colophon/store';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { expect, inject, it } from 'vitest';
import { createEarlierStore, NEWEST } from './earlier-store.js';
import { FakeSource, positionAfter, SOURCE } from './fake-source.js';

const VERSIONS = Array.from({ length: NEWEST - 1 }, (_, index) => index + 1);

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}

it.each(VERSIONS)(
  'a store of version %i is brought up to date by two at once, and all of it is readable',
  async (version) => {
    const url = await createEarlierStore(inject('serverUrl'), version);
    const admin = await connected(url);
    // Whatever is the default here: each must see what the other did while it waited.
    await admin.query(
      `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_isolation = 'serializable'`,
    );
    const both = [await connected(url), await connected(url)];
    const done = await Promise.all(both.map((client) => migrateStore(client)));
    expect(done.map(({ from }) => from).sort((a, b) => a - b)).toEqual([version, NEWEST]);
    for (const client of both) await client.end();

    const store = await openStore(url);
    const changes = await store.changes({ order: 'oldest' });
    expect(changes.map(({ primary_key, contextJson }) => [primary_key, JSON.parse(contextJson)])).toEqual([
      ['1', { user: 1 }],
      ['2', { user: 2 }],
    ]);
    expect((await store.status()).sources).toMatchObject([{ source: 'shop', changes: 2n }]);
    await store.close();
    const count = async (relation: string) =>
      (await admin.query(`SELECT count(*)::int AS n FROM colophon.${relation}`)).rows[0].n;
    for (const [since, relation] of [
      [2, 'gaps'],
      [3, 'baseline'],
      [4, 'unstored'],
      [5, 'ddl'],
      [6, 'signature_nonces'],
    ] as const) {
      expect({ relation, rows: await count(relation) }).toEqual({ relation, rows: version >= since ? 1 : 0 });
    }
    // Nobody but the owner has a right in it.
    const { rows } = await admin.query(
      `SELECT proname FROM pg_proc p WHERE pronamespace = 'colophon'::regnamespace
       AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee <> p.proowner)`,
    );
    expect(rows).toEqual([]);

    // And it goes on from where it stood.
    const sink = new PostgresStore({ url });
    expect(await sink.open(SOURCE)).toMatchObject({ commitLsn: 0x100n, endLsn: 0x130n });
    expect(await sink.recallRelations()).toMatchObject([{ oid: 16_400, keyColumns: ['id'] }]);
    const part = new FakeSource().transaction({ changes: [{ id: 3 }], ddl: [{}] });
    await sink.write([part]);
    await sink.flush(positionAfter(part));
    await sink.close();
    expect(await count('changes')).toBe(3);
    await admin.end();
    await dropDatabase(url);
  },
);

it('waits for no reader: who comes after it would wait as long', async () => {
  const url = await createDatabase(inject('serverUrl'));
  await migrateStore(url);
  const [admin, reader] = [await connected(url), await connected(url)];
  const { rows } = await admin.query(`SELECT right(relname, 8) AS part FROM pg_class
    WHERE relnamespace = 'colophon'::regnamespace AND relkind = 'r' AND relname ~ '^segments_\\d' ORDER BY relname DESC LIMIT 1`);
  await admin.query(`DROP TABLE colophon.segments${rows[0].part}, colophon.change_records${rows[0].part}`);
  await reader.query('BEGIN; SELECT count(*) FROM colophon.changes');
  await migrateStore(url);
  const missing = async () =>
    (await admin.query('SELECT to_regclass($1) IS NULL AS missing', [`colophon.segments${rows[0].part}`]))
      .rows[0].missing;
  expect(await missing()).toBe(true);
  // What can't be left out fails, and nothing of it stays in the queue.
  const owner = `owner_of_${new URL(url).pathname.slice(1)}`;
  await expect(migrateStore(url, { owner })).rejects.toMatchObject({ code: 'LOCK_TIMEOUT', retryable: true });
  expect(
    (
      await admin.query(
        `SELECT FROM pg_locks WHERE NOT granted AND relation = 'colophon.change_records'::regclass`,
      )
    ).rowCount,
  ).toBe(0);
  await reader.query('COMMIT');
  await reader.end();
  expect(await migrateStore(url, { owner })).toMatchObject({ owner: { name: owner, reason: null } });
  expect(await missing()).toBe(false);
  await admin.query(`DROP SCHEMA colophon CASCADE; DROP ROLE ${owner}`);
  await admin.end();
  await dropDatabase(url);
});

it('stores where somebody else refuses the partitions of a month', async () => {
  const url = await createDatabase(inject('serverUrl'));
  await migrateStore(url);
  const admin = await connected(url);
  await admin.query(`CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE insufficient_privilege; END $$;
    DO $$ BEGIN EXECUTE (SELECT 'DROP TABLE ' || string_agg(oid::regclass::text, ', ') FROM pg_class
      WHERE relnamespace = 'colophon'::regnamespace AND relkind = 'r' AND relname ~ '_\\d{4}_\\d{2}$'); END $$;
    CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION refuse()`);
  const warned: string[] = [];
  const log = (_facts: object, message: string) => void warned.push(message);
  const sink = new PostgresStore({ url, logger: { debug: log, info: log, warn: log, error: log } });
  await sink.open(SOURCE);
  const part = new FakeSource().transaction({ changes: [{}] });
  await sink.write([part]);
  await sink.flush(positionAfter(part));
  await sink.close();
  expect(warned).toEqual([expect.stringContaining('default partition takes their place')]);
  expect((await admin.query('SELECT FROM colophon.changes')).rowCount).toBe(1);
  await admin.end();
  await dropDatabase(url);
});
