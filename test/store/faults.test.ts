import type { TransactionPart } from '@colophon/protocol';
import { migrateStore, openStore, PostgresStore, type Store } from '@colophon/store';
import { createDatabase, dropDatabase, startProxy, type TcpProxy } from '@colophon/testkit';
import pg from 'pg';
import { afterEach, beforeEach, expect, inject, it, vi } from 'vitest';
import { changesOf, FakeSource, positionAfter, SOURCE } from './fake-source.js';

let url: string;
let proxy: TcpProxy;
let sink: PostgresStore;
let store: Store;
let admin: pg.Client;
// Of its own: inside a transaction pg_stat_activity stands still.
let locker: pg.Client;
let source: FakeSource;

beforeEach(async () => {
  url = await createDatabase(inject('serverUrl'));
  await migrateStore(url);
  const { hostname, port } = new URL(url);
  proxy = await startProxy({ host: hostname, port: Number(port) });
  source = new FakeSource();
  sink = new PostgresStore({ url: proxy.url(url), applicationName: 'the sink' });
  store = await openStore(url);
  admin = new pg.Client({ connectionString: url });
  await admin.connect();
  locker = new pg.Client({ connectionString: url });
  await locker.connect();
});
afterEach(async () => {
  await sink.close();
  await store.close();
  await admin.end();
  await locker.end();
  await proxy.close();
  await dropDatabase(url);
});

const storedIds = async () => (await store.changes({ order: 'oldest' })).map((row) => row.primary_key);
const one = (id: number): TransactionPart => source.transaction({ changes: [{ id }] });
async function storeAll(to: PostgresStore, parts: readonly TransactionPart[]): Promise<void> {
  await to.write(parts);
  await to.flush(positionAfter(parts.at(-1)!));
}
/** Resolves when the sink's backend waits for the lock on its position: everything else of the flush is done. */
async function untilSinkWaits(): Promise<void> {
  await vi.waitFor(
    async () => {
      const { rows } = await admin.query(
        `SELECT 1 FROM pg_stat_activity WHERE application_name = 'the sink' AND wait_event_type = 'Lock'
         AND datname = current_database()`,
      );
      expect(rows).toHaveLength(1);
    },
    { timeout: 20_000 },
  );
}
const endSink = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE application_name = 'the sink' AND datname = current_database()`;

it('stores a flush in one turn, and shows nothing before', async () => {
  expect(await sink.open(SOURCE)).toBeNull();
  for (const id of [1, 2, 3]) {
    const turns = proxy.turns();
    const part = one(id);
    await sink.write([part]);
    expect(await store.changes()).toHaveLength(id - 1);
    await sink.flush(positionAfter(part));
    expect(proxy.turns() - turns).toBe(1);
    expect(await store.changes()).toHaveLength(id);
  }
  const turns = proxy.turns();
  const empty = source.transaction({ changes: [] });
  await storeAll(sink, [empty]);
  expect(proxy.turns() - turns).toBe(1);
  expect(await sink.open(SOURCE)).toEqual(positionAfter(empty));
});

it('keeps nothing of a batch whose connection is cut before the flush', async () => {
  const first = one(1);
  await sink.open(SOURCE);
  await storeAll(sink, [first]);
  const facts = source.facts();
  const inputs = Array.from({ length: 5000 }, (_, id) => ({ id: id + 2 }));
  const part = { facts, changes: changesOf(facts, inputs, 0), end: source.end(facts) };
  await sink.write([part]);
  proxy.cut();
  await expect(sink.flush(positionAfter(part))).rejects.toMatchObject({
    code: 'CONNECTION_LOST',
    retryable: true,
  });
  await expect(sink.write([part])).rejects.toMatchObject({ code: 'CONNECTION_LOST', retryable: true });
  expect(await sink.open(SOURCE)).toEqual(positionAfter(first));
  await storeAll(sink, [part]);
  expect(await storedIds()).toEqual(Array.from({ length: 5001 }, (_, i) => String(i + 1)));
});

it('learns from `open` that a flush was committed of which the answer was lost', async () => {
  await sink.open(SOURCE);
  await storeAll(sink, [one(1)]);
  const part = one(2);
  await sink.write([part]);
  await locker.query('BEGIN; SELECT FROM colophon.positions FOR UPDATE');
  const flushing = expect(sink.flush(positionAfter(part))).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  await untilSinkWaits();
  proxy.cut();
  await flushing;
  // The server doesn't know yet: it still stores, and `open` waits for it.
  const opening = sink.open(SOURCE);
  await vi.waitFor(
    async () => {
      const waiting = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
      expect((await admin.query(waiting)).rows).toHaveLength(2);
    },
    { timeout: 20_000 },
  );
  await locker.query('COMMIT');
  expect(await opening).toEqual(positionAfter(part));
  await storeAll(sink, [one(3)]);
  expect(await storedIds()).toEqual(['1', '2', '3']);
});

it('learns from `open` that a flush was not committed', async () => {
  const first = one(1);
  await sink.open(SOURCE);
  await storeAll(sink, [first]);
  const part = one(2);
  await sink.write([part]);
  await locker.query('BEGIN; SELECT FROM colophon.positions FOR UPDATE');
  const flushing = expect(sink.flush(positionAfter(part))).rejects.toMatchObject({ retryable: true });
  await untilSinkWaits();
  await admin.query(endSink);
  await flushing;
  await locker.query('ROLLBACK');
  expect(await sink.open(SOURCE)).toEqual(positionAfter(first));
  await storeAll(sink, [part]);
  expect(await storedIds()).toEqual(['1', '2']);
});

it('stores each change once while its backend is ended at random moments', { timeout: 120_000 }, async () => {
  const parts = Array.from({ length: 400 }, (_, t) =>
    source.transaction({ changes: Array.from({ length: 1 + (t % 60) }, (_, c) => ({ id: t * 100 + c })) }),
  );
  let isDone = false;
  let failures = 0;
  // At this machine's own pace: some gaps leave time to open and store, some don't.
  const startedAtMs = performance.now();
  await sink.open(SOURCE);
  await sink.close();
  const openMs = performance.now() - startedAtMs;
  const ends = (async () => {
    while (!isDone) {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 3 * openMs));
      if (Math.random() < 0.5) proxy.cut();
      else await admin.query(endSink);
    }
  })();
  let next = 0;
  let isOpen = false;
  while (next < parts.length || failures < 20) {
    try {
      if (!isOpen) {
        const position = await sink.open(SOURCE);
        next =
          position === null ? 0 : parts.findIndex((part) => part.facts.commitLsn === position.commitLsn) + 1;
        isOpen = true;
      }
      if (next === parts.length) parts.push(one(100_000 + next));
      const batch = parts.slice(next, next + 1 + (next % 7));
      await storeAll(sink, batch);
      next += batch.length;
    } catch (error) {
      expect(error).toMatchObject({ retryable: true });
      failures++;
      isOpen = false;
    }
  }
  isDone = true;
  await ends;
  expect(await storedIds()).toEqual(parts.flatMap((part) => part.changes.map((change) => change.primaryKey)));
  const rows = await store.changes({ order: 'oldest' });
  expect(rows.every((row, i) => i === 0 || row.seq > rows[i - 1]!.seq)).toBe(true);
});

it('lets one of two consumers of a source store, and the other know', async () => {
  const other = new PostgresStore({ url });
  const parts = [one(1), one(2), one(3)];
  await sink.open(SOURCE);
  await other.open(SOURCE);
  await storeAll(sink, parts.slice(0, 2));
  const overtaken = { code: 'STORE_BUSY', retryable: true };
  // The same changes again: their ids are there.
  await expect(storeAll(other, parts.slice(0, 1))).rejects.toMatchObject(overtaken);
  expect(await other.open(SOURCE)).toEqual(positionAfter(parts[1]!));
  // Changes that nobody has stored, but on a position that was moved.
  await sink.flush(positionAfter(parts[1]!));
  await expect(storeAll(other, parts.slice(2))).rejects.toMatchObject(overtaken);
  expect(await storedIds()).toEqual(['1', '2']);
  // Under another name nobody knows that the changes are there, but their ids do.
  expect(await other.open({ ...SOURCE, name: 'renamed' })).toBeNull();
  await expect(storeAll(other, parts.slice(0, 1))).rejects.toMatchObject({ code: 'STORE_BUSY' });
  expect(await storedIds()).toEqual(['1', '2']);
  await other.close();
});

it('keeps the positions of two sources apart, and follows both', async () => {
  const other = new PostgresStore({ url });
  const second = { ...SOURCE, environment: 'staging', systemIdentifier: '7' };
  await sink.open(SOURCE);
  await other.open(second);
  const ended = new AbortController();
  const seen: string[] = [];
  const following = (async () => {
    for await (const row of store.follow({ after: 0, pollMs: 5, signal: ended.signal })) {
      seen.push(`${row.environment} ${row.primary_key}`);
      if (seen.length === 4) ended.abort();
    }
  })();
  const elsewhere = new FakeSource();
  // The other's numbers are taken first and become visible last.
  const facts = { ...elsewhere.facts(), systemIdentifier: '7' };
  const inputs = Array.from({ length: 2 }, (_, id) => ({
    id,
    after: `{"id":${id},"t":"${'x'.repeat(70_000)}"}`,
  }));
  const late = { facts, changes: changesOf(facts, inputs, 0), end: elsewhere.end(facts) };
  await other.write([late]);
  await storeAll(sink, [one(10)]);
  await vi.waitFor(() => expect(seen).toEqual(['test 10']), { timeout: 10_000 });
  await other.flush({ ...positionAfter(late), systemIdentifier: '7' });
  await vi.waitFor(() => expect(seen).toEqual(['test 10', 'staging 0', 'staging 1']), { timeout: 10_000 });
  await storeAll(sink, [one(11)]);
  await following;
  expect(seen.at(-1)).toBe('test 11');
  const { sources } = await store.status();
  expect(sources.map((at) => [at.environment, at.changes])).toEqual([
    ['staging', 2n],
    ['test', 2n],
  ]);
  await other.close();
});

it('names the change that PostgreSQL refuses, without its data, and stores nothing of its batch', async () => {
  for (const count of [1, 3000]) {
    // What has failed once is stored carefully: unstored.test.ts.
    await sink.close();
    sink = new PostgresStore({ url: proxy.url(url), applicationName: 'the sink' });
    await sink.open(SOURCE);
    const inputs = Array.from({ length: count }, (_, id) => ({ id }));
    const good = source.transaction({ changes: inputs });
    const facts = source.facts();
    const bad = {
      facts,
      changes: changesOf(facts, [{}, { after: '{"secret":1e99+}' }, {}], 4),
      end: source.end(facts),
    };
    const error = await storeAll(sink, [good, bad]).catch((caught) => caught);
    expect(error).toMatchObject({
      code: 'SINK_FAILED',
      retryable: true,
      details: { sequence: 5, xid: facts.xid },
    });
    const id = error.details.id as string;
    expect(error.message).toContain(`Change 5 of transaction ${facts.xid}`);
    expect(error.message).toContain(id);
    expect(`${error.message} ${JSON.stringify(error)} ${error.cause}`).not.toMatch(/secret|1e99/);
    expect(await sink.open(SOURCE)).toBeNull();
    expect(await storedIds()).toEqual([]);
  }
});

it('is not led astray by settings of role and database', async () => {
  const database = new URL(url).pathname.slice(1);
  for (const setting of [
    `statement_timeout = '300ms'`,
    `idle_in_transaction_session_timeout = '100ms'`,
    `lock_timeout = '1ms'`,
    'default_transaction_read_only = on',
    `default_transaction_isolation = 'serializable'`,
    `search_path = 'nowhere'`,
    `timezone = 'Asia/Tokyo'`,
    `datestyle = 'SQL, DMY'`,
    'synchronous_commit = off',
    'standard_conforming_strings = off',
  ]) {
    await admin.query(`ALTER DATABASE ${database} SET ${setting}`);
  }
  await admin.query(`CREATE TABLE public.seen AS SELECT ''::text AS synchronous_commit;
    CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS
      $$BEGIN INSERT INTO public.seen VALUES (current_setting('synchronous_commit')); RETURN new; END$$;
    CREATE TRIGGER see AFTER UPDATE ON colophon.positions FOR EACH ROW EXECUTE FUNCTION public.see()`);
  await sink.open(SOURCE);
  await sink.rememberRelations([
    { oid: 1, schema: 's', table: `back\\slash'`, rootSchema: null, rootTable: null, keyColumns: [] },
  ]);
  const facts = source.facts();
  const inputs = Array.from({ length: 3000 }, (_, id) => ({ id }));
  const part = { facts, changes: changesOf(facts, inputs, 0), end: source.end(facts) };
  await sink.write([part]);
  // Longer than each of the timeouts, in the middle of a COPY.
  await new Promise((resolve) => setTimeout(resolve, 500));
  await sink.flush(positionAfter(part));
  expect((await sink.recallRelations())[0]?.table).toBe(`back\\slash'`);
  const fresh = await openStore(url);
  const [row] = await fresh.changes({ limit: 1 });
  expect(row?.committed_at).toBe('2026-11-23T00:00:00.004096+00:00');
  await fresh.close();
  const { rows } = await admin.query(
    `SELECT DISTINCT synchronous_commit FROM public.seen WHERE synchronous_commit <> ''`,
  );
  expect(rows).toEqual([{ synchronous_commit: 'on' }]);
});

it('makes no changes of its own writes for a publication of the application', async () => {
  await admin.query(
    `CREATE TABLE public.todo (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE public.todo`,
  );
  await admin.query(`SELECT pg_create_logical_replication_slot('store_test_${process.pid}', 'pgoutput')`);
  await sink.open(SOURCE);
  await storeAll(sink, [one(1), one(2)]);
  const decoded = await admin.query(
    `SELECT data FROM pg_logical_slot_peek_binary_changes('store_test_${process.pid}', null, null, 'proto_version', '1',
      'publication_names', 'p') WHERE get_byte(data, 0) <> ALL (ARRAY[ascii('B'), ascii('C')])`,
  );
  expect(decoded.rows).toEqual([]);
});

it('answers a wrong URL, password or database in one line with a code', async () => {
  const at = (change: (to: URL) => void) => {
    const to = new URL(url);
    change(to);
    return to.href;
  };
  const cases: [string, string][] = [
    [
      'CONNECTION_FAILED',
      at((to) => {
        to.port = '1';
      }),
    ],
    [
      'DATABASE_MISSING',
      at((to) => {
        to.pathname = '/nowhere';
      }),
    ],
    [
      'AUTHENTICATION_FAILED',
      at((to) => {
        to.username = 'nobody_here';
      }),
    ],
  ];
  for (const [code, wrong] of cases) {
    for (const attempt of [
      () => openStore(wrong),
      () => migrateStore(wrong),
      () => new PostgresStore({ url: wrong }).open(SOURCE),
    ]) {
      const error = await attempt().then(
        () => undefined,
        (caught) => caught,
      );
      expect(error).toMatchObject({ name: 'ColophonError', code });
      expect(error.message).toMatch(/^The store cannot be reached: [^\n]+\.$/);
    }
  }
});
