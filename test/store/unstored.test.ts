import { createHash } from 'node:crypto';
import type { TransactionPart } from '@colophon/protocol';
import { migrateStore, openStore, PostgresStore, type UnstoredRecord } from '@colophon/store';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { changesOf, FakeSource, positionAfter, SOURCE } from './fake-source.js';

let url: string;
let admin: pg.Client;
let sink: PostgresStore;
let source: FakeSource;
let told: UnstoredRecord[];

async function makeStore(encoding: string): Promise<void> {
  url = await createDatabase(inject('serverUrl'), 'template0', encoding);
  await migrateStore(url);
  admin = new pg.Client({ connectionString: url });
  await admin.connect();
  source = new FakeSource();
  told = [];
  sink = new PostgresStore({ url, onUnstored: (record) => told.push(record) });
}
beforeEach(() => makeStore('UTF8'));
afterEach(async () => {
  await sink.close();
  await admin.end();
  await dropDatabase(url);
});

/** What a consumer does: after a failure it opens again, and gives what isn't stored. Gives the failures' SQLSTATEs. */
async function consume(flushes: readonly (readonly TransactionPart[])[]): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (;;) {
    const stored = await sink.open(SOURCE);
    try {
      for (const parts of flushes) {
        const position = positionAfter(parts.at(-1)!);
        if (stored !== null && position.commitLsn <= stored.commitLsn) continue;
        await sink.write(parts);
        await sink.flush(position);
      }
      return failures;
    } catch (error) {
      expect(error).toMatchObject({ code: 'SINK_FAILED', retryable: true });
      failures.push((error as { details: { sqlstate: string } }).details.sqlstate);
    }
  }
}
const changes = async () => (await admin.query('SELECT * FROM colophon.changes ORDER BY seq')).rows;
const unstored = async () => (await admin.query('SELECT * FROM colophon.unstored ORDER BY seq')).rows;
const counted = async () =>
  Number((await admin.query('SELECT changes FROM colophon.positions')).rows[0].changes);
// JSON, but nothing that jsonb could hold: the column takes it, the view couldn't show it.
const NOT_JSON = '{"id":7,"title":"\\u12"}';

it('stores everything else in order, and keeps what could not be stored in the same transaction', async () => {
  const good = source.transaction({ changes: [{ id: 1 }, { id: 2 }], contexts: ['{"user":1}'] });
  const mixed = source.transaction({
    changes: [{ id: 3 }, { id: 4, after: NOT_JSON }, { id: 5 }, { id: 6, before: NOT_JSON }, { id: 7 }],
    contexts: ['{"user":2}'],
  });
  const last = source.transaction({ changes: [{ id: 8 }], contexts: ['{"user":3}'] });
  expect(await consume([[good, mixed, last]])).toEqual(['22P02']);
  const rows = await changes();
  expect(rows.map((row) => row.primary_key)).toEqual(['1', '2', '3', '5', '7', '8']);
  expect(rows.map((row) => row.context.user)).toEqual([1, 1, 2, 2, 2, 3]);
  const kept = await unstored();
  expect(kept).toMatchObject([
    {
      what: 'change',
      sqlstate: '22P02',
      primary_key: '4',
      operation: 'CREATE',
      sequence: 1,
      context: { user: 2 },
    },
    { what: 'change', sqlstate: '22P02', primary_key: '6', operation: 'CREATE', sequence: 3, table: 'todo' },
  ]);
  expect(kept[0].data.toString()).toBe(`{"key":{"id":4},"before":{},"after":${NOT_JSON}}`);
  expect(kept[0].data_length).toBe(String(kept[0].data.length));
  expect(kept[0].data_sha256).toEqual(createHash('sha256').update(kept[0].data).digest());
  expect(kept[0]).toMatchObject({ source: 'shop', transaction_id: String(mixed.facts.xid) });
  // Each in its place.
  const order = [...rows, ...kept].sort((a, b) => Number(BigInt(a.seq) - BigInt(b.seq)));
  expect(order.map((row) => row.primary_key)).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
  expect(await counted()).toBe(6);
  expect(told.map(({ id, sqlstate }) => [id, sqlstate])).toEqual(kept.map((row) => [row.id, '22P02']));
  const reader = await openStore(url);
  expect((await reader.status()).sources).toMatchObject([{ changes: 6n, unstored: 2n }]);
  await reader.close();
});

it('keeps a context that cannot be stored, and says so in its place', async () => {
  const part = source.transaction({
    changes: [{ id: 1 }, { id: 2, segment: 1 }],
    contexts: ['{"user":"\\u0000"}', '{"user":"kim"}'],
  });
  expect(await consume([[part]])).toEqual(['22P05']);
  const [first, second] = await changes();
  expect(first.context['colophon.error']).toMatch(/22P05.*colophon\.unstored/);
  expect(second.context).toEqual({ user: 'kim' });
  expect(await unstored()).toMatchObject([{ what: 'context', sqlstate: '22P05', id: null }]);
  expect((await unstored())[0].data.toString()).toBe('{"user":"\\u0000"}');
  expect(await counted()).toBe(2);
});

it('goes on quickly once nothing more has to be put aside, and is careful again where something has', async () => {
  const flushes = Array.from({ length: 40 }, (_, n) => [
    source.transaction({ changes: [{ id: n, ...(n === 3 || n === 30 ? { after: NOT_JSON } : {}) }] }),
  ]);
  // The second is found anew: a store that had stayed careful would not have failed.
  expect(await consume(flushes)).toEqual(['22P02', '22P02']);
  expect((await changes()).length).toBe(38);
  expect((await unstored()).map((row) => row.primary_key)).toEqual(['3', '30']);
});

it('finds them in a transaction of many parts, written while it arrives', async () => {
  const facts = source.facts();
  const inputs = Array.from({ length: 20_000 }, (_, id) => ({
    id,
    ...(id % 5_000 === 4_321 ? { after: NOT_JSON } : {}),
  }));
  const parts = Array.from({ length: 20 }, (_, n) => ({
    facts,
    changes: changesOf(facts, inputs.slice(n * 1000, n * 1000 + 1000), n * 1000),
    end: n === 19 ? source.end(facts) : null,
  }));
  expect(await consume([parts])).toEqual(['22P02']);
  const { rows } = await admin.query(
    'SELECT count(*), count(DISTINCT sequence) AS kinds FROM colophon.changes',
  );
  expect(rows).toEqual([{ count: '19996', kinds: '19996' }]);
  expect((await unstored()).map((row) => row.sequence)).toEqual([4_321, 9_321, 14_321, 19_321]);
});

it('stores what is large where jsonb can hold it, and keeps the beginning of what is larger than that', async () => {
  const large = `{"id":1,"title":"${'x'.repeat(34 * 2 ** 20)}"}`;
  const absurd = `{"id":2,"title":"${'y'.repeat(257 * 2 ** 20)}"}`;
  const part = source.transaction({
    changes: [{ id: 1, after: large }, { id: 2, after: absurd }, { id: 3 }],
  });
  expect(await consume([[part]])).toEqual([]);
  const { rows } = await admin.query(
    "SELECT primary_key, length(after ->> 'title') AS length FROM colophon.changes ORDER BY seq",
  );
  expect(rows).toEqual([
    { primary_key: '1', length: 34 * 2 ** 20 },
    { primary_key: '3', length: 1 },
  ]);
  const whole = `{"key":{"id":2},"before":{},"after":${absurd}}`;
  const kept = await admin.query(
    'SELECT sqlstate, octet_length(data) AS kept, data_length, data_sha256, substr(data, 1, 40) AS head FROM colophon.unstored',
  );
  expect(kept.rows).toEqual([
    {
      sqlstate: '54000',
      kept: 64 * 2 ** 20,
      data_length: String(whole.length),
      data_sha256: createHash('sha256').update(whole).digest(),
      head: Buffer.from(whole.slice(0, 40)),
    },
  ]);
}, 120_000);

it('keeps what the encoding of the database lacks: values, contexts, names of tables', async () => {
  await sink.close();
  await admin.end();
  await dropDatabase(url);
  await makeStore('LATIN1');
  const relation = { ...changesOf(source.facts(), [{}], 0)[0]!.relation, table: '表' };
  const part = source.transaction({
    changes: [
      { id: 1, after: '{"id":1,"title":"ä"}' },
      { id: 2, after: '{"id":2,"title":"漢"}' },
      { id: 3, segment: 1 },
      { id: 4, relation },
    ],
    contexts: ['{}', '{"user":"\\u6f22"}'],
  });
  expect(await consume([[part]])).toEqual(['22P05']);
  expect((await changes()).map((row) => [row.primary_key, row.after.title])).toEqual([
    ['1', 'ä'],
    ['3', 't'],
  ]);
  expect((await unstored()).map((row) => [row.what, row.table, row.sqlstate])).toEqual([
    ['change', 'todo', '22P05'],
    ['change', '\\350\\241\\250', '22P05'],
    ['context', null, '22P05'],
  ]);
  expect((await unstored())[0].data.toString()).toContain('漢');
});

it('keeps a command likewise, in its place; of one whose context cannot be stored everything else', async () => {
  await sink.close();
  await admin.end();
  await dropDatabase(url);
  await makeStore('LATIN1');
  const publication = { name: 'colophon', table: 'public."表"', isWhole: false };
  const part = source.transaction({
    ddl: [
      { identity: 'public."Größe"' },
      { identity: 'public."表"', isOwnPublication: true, publication },
      { command: 'DROP TABLE', isDrop: true, segment: 1 },
    ],
    changes: [{ id: 1, segment: 2 }],
    contexts: ['{"user":1}', '{"user":"\\u6f22"}', '{"user":3}'],
  });
  const after = source.transaction({ ddl: [{}], changes: [], contexts: ['{"user":4}'] });
  expect(await consume([[part], [after]])).toEqual(['22P05']);
  const reader = await openStore(url);
  const commands = await reader.ddl({ order: 'oldest' });
  expect(commands.map(({ command, identity, context }) => [command, identity, context])).toEqual([
    ['ALTER TABLE', 'public."Größe"', { user: 1 }],
    ['DROP TABLE', 'public.todo', { 'colophon.error': expect.stringMatching(/22P05.*colophon\.unstored/) }],
    ['ALTER TABLE', 'public.todo', { user: 4 }],
  ]);
  expect((await changes()).map((row) => row.context)).toEqual([{ user: 3 }]);
  const kept = await unstored();
  expect(kept.map((row) => [row.what, row.sqlstate, row.transaction_id, row.context.user])).toEqual([
    ['ddl', '22P05', String(part.facts.xid), 1],
    ['context', '22P05', String(part.facts.xid), undefined],
  ]);
  expect(JSON.parse(kept[0].data)).toMatchObject({
    command: 'ALTER TABLE',
    identity: 'public."表"',
    ordinal: 1,
  });
  const order = [commands[0]!.seq, BigInt(kept[0].seq), commands[1]!.seq, BigInt((await changes())[0].seq)];
  expect([...order].sort((a, b) => Number(a - b))).toEqual(order);
  expect(await reader.gaps()).toMatchObject([
    { reason: 'publication-changed', tables: ['public."\\350\\241\\250"'] },
  ]);
  expect((await reader.status()).sources).toMatchObject([{ changes: 1n, unstored: 2n }]);
  expect(told.map(({ what }) => what)).toEqual(['context', 'ddl']);
  await reader.close();
});

it('fails for good where it is not the record that is refused', async () => {
  await admin.query(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '22000'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON colophon.positions FOR EACH ROW WHEN (new.version > old.version) EXECUTE FUNCTION refuse()`);
  const parts = [source.transaction({ changes: [{ id: 1 }] })];
  await sink.open(SOURCE);
  await sink.write(parts);
  await expect(sink.flush(positionAfter(parts[0]!))).rejects.toMatchObject({ retryable: true });
  await sink.open(SOURCE);
  await sink.write(parts);
  await expect(sink.flush(positionAfter(parts[0]!))).rejects.toMatchObject({
    code: 'SINK_FAILED',
    retryable: false,
  });
  expect(await unstored()).toEqual([]);
});
