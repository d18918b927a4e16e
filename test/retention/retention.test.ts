import type { TransactionPart } from '@colophon/protocol';
import { migrateStore, openStore, PostgresStore, type Store } from '@colophon/store';
import { dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { colophon } from '../cli/colophon.js';
import { createEarlierStore } from '../store/earlier-store.js';
import { FakeSource, positionAfter, SOURCE } from '../store/fake-source.js';
import { AgedStore, monthsAgo, partName } from './aged-store.js';

const DAY_MS = 86_400_000;
const OLD_MONTHS = [6, 5, 4, 3, 2];

let aged: AgedStore;
let store: Store;
let source: FakeSource;

beforeEach(async () => {
  aged = await AgedStore.create(inject('serverUrl'), 6);
  source = new FakeSource();
  // Two changes a month: at its beginning and on the tenth.
  await aged.store(
    source,
    [...OLD_MONTHS, 1, 0].flatMap((count) => [
      monthsAgo(count),
      new Date(Math.min(monthsAgo(count).getTime() + 9 * DAY_MS, Date.now())),
    ]),
  );
  store = await openStore(aged.url);
});
afterEach(async () => {
  await store.close();
  await aged.admin.end();
  await dropDatabase(aged.url);
});

/** Days since the beginning of that month: keeps it and what comes after, and lets go what was before. */
const daysSince = (count: number) => Math.floor((Date.now() - monthsAgo(count).getTime()) / DAY_MS);
const wish = (days: number | null, maxBytes: bigint | null = null, ignoring: string[] = []) => ({
  keep: days === null ? null : `${days} days`,
  maxBytes,
  ignoring,
});
const verdicts = (parts: readonly { part: string; verdict: string }[]) =>
  parts.map(({ part, verdict }) => `${verdict} ${part}`);

it('shows what would go, with numbers, and changes nothing', async () => {
  const parts = await store.planRetention(wish(daysSince(4)));
  expect(verdicts(parts)).toEqual([`drop ${partName(6)}`, `drop ${partName(5)}`]);
  expect(parts[0]).toMatchObject({
    changes: 2n,
    firstCommittedAt: monthsAgo(6).toISOString().replace('Z', '000+00:00'),
    lastCommittedAt: new Date(monthsAgo(6).getTime() + 9 * DAY_MS).toISOString().replace('Z', '000+00:00'),
  });
  expect(parts[0]!.bytes).toBeGreaterThan(0n);
  const shown = await colophon([
    'retention',
    '--store',
    aged.url,
    '--source',
    aged.url,
    '--keep',
    `${daysSince(4)}d`,
  ]);
  expect(shown.stdout.split('\n')[0]).toMatch(
    new RegExp(`^drop ${partName(6).replace('_', '-')}: 2 changes, `),
  );
  expect(shown).toMatchObject({ code: 0, stderr: expect.stringContaining('Nothing was changed') });
  const unasked = await colophon([
    'retention',
    '--source',
    aged.url,
    '--keep',
    `${daysSince(4)}d`,
    '--apply',
  ]);
  expect(unasked).toMatchObject({ code: 1, stderr: expect.stringContaining('--yes') });
  expect(await aged.oldMonths()).toEqual(OLD_MONTHS.map(partName));
  expect(await aged.count()).toBe(14);
});

it('lets whole months go, notes each, and leaves all else as it was', async () => {
  const facts = async () =>
    (
      await aged.admin.query(
        'SELECT to_jsonb(p) AS position, (SELECT jsonb_agg(r) FROM colophon.relations r) AS relations FROM colophon.positions p',
      )
    ).rows;
  const before = await facts();
  const planned = await store.planRetention(wish(daysSince(4)));
  const done = await colophon([
    'retention',
    '--source',
    aged.url,
    '--keep',
    `${daysSince(4)}d`,
    '--apply',
    '--yes',
    '--json',
  ]);
  expect(done, done.stderr).toMatchObject({ code: 0 });
  expect(
    done.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).part),
  ).toEqual(planned.map(({ part }) => part));
  expect(await aged.oldMonths()).toEqual([4, 3, 2].map(partName));
  expect(await aged.count()).toBe(10);
  expect(await facts()).toEqual(before);
  const { rows } = await aged.admin.query('SELECT * FROM colophon.retentions ORDER BY id');
  expect(rows).toMatchObject(
    planned.map((part) => ({
      part: part.part,
      changes: String(part.changes),
      applied_by: 'postgres',
      max_bytes: null,
    })),
  );
  expect(rows[0].from_time).toEqual(monthsAgo(6));
  expect(rows[0].to_time).toEqual(monthsAgo(5));
  // Nothing is left to go: the same again notes nothing.
  await store.applyRetention(wish(daysSince(4)));
  expect((await aged.admin.query('SELECT FROM colophon.retentions')).rowCount).toBe(2);
});

it('goes by size too, the oldest first, and never touches this month and the last', async () => {
  const { rows } = await aged.admin.query(
    `SELECT part, bytes::bigint FROM colophon.retention_months(null, null)`,
  );
  const { rows: total } =
    await aged.admin.query(`SELECT sum(pg_total_relation_size(inhrelid))::bigint AS bytes FROM pg_inherits
    WHERE inhparent IN ('colophon.change_records'::regclass, 'colophon.segments'::regclass)`);
  const all = BigInt(total[0].bytes);
  const first = BigInt(rows[0].bytes);
  expect(await store.planRetention(wish(null, all))).toEqual([]);
  expect(verdicts(await store.planRetention(wish(null, all - 1n)))).toEqual([`drop ${partName(6)}`]);
  expect(verdicts(await store.planRetention(wish(null, all - first)))).toEqual([`drop ${partName(6)}`]);
  expect(verdicts(await store.planRetention(wish(null, all - first - 1n)))).toEqual(
    [6, 5].map((count) => `drop ${partName(count)}`),
  );
  for (const greedy of [wish(1), wish(null, 1n), wish(1, 1n)]) {
    const parts = await store.planRetention(greedy);
    expect(verdicts(parts)).toEqual([
      ...OLD_MONTHS.map((count) => `drop ${partName(count)}`),
      `held ${partName(1)}`,
    ]);
    expect(parts.at(-1)!.reason).toContain('always stay');
  }
  await store.applyRetention(wish(1, 1n));
  expect(await aged.oldMonths()).toEqual([]);
  expect(await aged.count()).toBe(4);
});

it('never goes past what a source has still to store, unless told that it never will', async () => {
  await aged.store(new FakeSource(1n << 40n), [new Date(monthsAgo(5).getTime() + DAY_MS)], {
    name: 'behind',
  });
  const parts = await store.planRetention(wish(1));
  expect(verdicts(parts)).toEqual([`drop ${partName(6)}`, `held ${partName(5)}`]);
  expect(parts[1]!.reason).toContain('source behind');
  await store.applyRetention(wish(1));
  expect(await aged.oldMonths()).toEqual([5, 4, 3, 2].map(partName));
  await store.applyRetention(wish(1, null, ['behind']));
  expect(await aged.oldMonths()).toEqual([]);
  // One that has stored nothing yet holds back everything.
  const sink = new PostgresStore({ url: aged.url });
  await sink.open({ ...SOURCE, name: 'new' });
  await sink.close();
  expect((await store.planRetention(wish(1, null, ['behind']))).map(({ reason }) => reason)).toEqual([
    'source new has stored nothing yet',
  ]);
});

it('never goes past what a baseline needs, unless a newer one is there or it is told to', async () => {
  const inMonth = (count: number) => new Date(monthsAgo(count).getTime() + 2 * DAY_MS);
  await aged.copy('todo', inMonth(4));
  await aged.copy('other', inMonth(6), false);
  const parts = await store.planRetention(wish(1));
  expect(verdicts(parts)).toEqual([`drop ${partName(6)}`, `drop ${partName(5)}`, `held ${partName(4)}`]);
  expect(parts[2]!.reason).toMatch(/^the baseline of public\.todo, begun on \d.*colophon snapshot$/);
  // What never became a baseline holds nothing, and goes.
  await store.applyRetention(wish(1));
  expect(await aged.oldMonths()).toEqual([4, 3, 2].map(partName));
  expect(await aged.copies()).toEqual({ tables: ['todo'], rows: 1 });
  await aged.copy('todo', inMonth(2));
  await store.applyRetention(wish(1));
  expect(await aged.oldMonths()).toEqual([partName(2)]);
  expect(await aged.copies()).toEqual({ tables: ['todo'], rows: 1 });
  const done = await colophon([
    'retention',
    '--source',
    aged.url,
    '--keep',
    '1d',
    '--ignore-baseline',
    'todo',
    '--apply',
    '--yes',
  ]);
  expect(done, done.stderr).toMatchObject({ code: 0 });
  expect(await aged.oldMonths()).toEqual([]);
  expect(await aged.copies()).toEqual({ tables: [], rows: 0 });
  const { rows } = await aged.admin.query(
    'SELECT part, baseline_rows::int FROM colophon.retentions ORDER BY id',
  );
  expect(rows.map(({ part, baseline_rows }) => [part, baseline_rows])).toEqual(
    [6, 5, 4, 3, 2].map((count) => [partName(count), count % 2 === 0 ? 1 : 0]),
  );
});

it('lets go with a month what was put aside in it', async () => {
  await aged.putAside('true');
  const count = async () => (await aged.admin.query('SELECT FROM colophon.unstored')).rowCount;
  expect(await count()).toBe(14);
  await store.applyRetention(wish(daysSince(5)));
  expect(await count()).toBe(12);
  const { rows } = await aged.admin.query('SELECT part, unstored FROM colophon.retentions');
  expect(rows).toEqual([{ part: partName(6), unstored: '2' }]);
});

it('keeps a young record that a wrong clock makes look old, and what is younger than it', async () => {
  await aged.store(source, [new Date(monthsAgo(5).getTime() + 5 * DAY_MS)], { storedAt: new Date() });
  // The source's last change by its own clock is old, now: that alone would hold the months.
  await aged.store(source, [new Date()]);
  const parts = await store.planRetention(wish(40));
  expect(verdicts(parts)).toEqual([`drop ${partName(6)}`, `held ${partName(5)}`]);
  expect(parts[1]!.reason).toContain('stored only');
  await store.applyRetention(wish(40));
  expect(await aged.oldMonths()).toEqual([5, 4, 3, 2].map(partName));
});

it("makes a month's partitions both or not at all, so that no change loses its context", async () => {
  // A clock gone wrong, and of what it committed only a context could be stored, beside a record put aside.
  const later = new Date(monthsAgo(-6).getTime() + DAY_MS);
  const sink = new PostgresStore({ url: aged.url, onUnstored: () => {} });
  const bad = source.transaction({
    changes: [{ after: '{"title":"\\u12"}' }],
    contexts: ['{"user":"early"}'],
    committedAtMicros: BigInt(later.getTime()) * 1000n,
  });
  await sink.open(SOURCE);
  await expect(storeOne(sink, bad)).rejects.toMatchObject({ code: 'SINK_FAILED' });
  await sink.open(SOURCE);
  await storeOne(sink, bad);
  await aged.admin.query('SELECT colophon.make_partitions(7)');
  const { rows } = await aged.admin.query(
    `SELECT count(*)::int AS n FROM pg_class WHERE relnamespace = 'colophon'::regnamespace AND relname ~ $1`,
    [`^(segments|change_records)_${partName(-6)}$`],
  );
  expect(rows).toEqual([{ n: 0 }]);
  const good = source.transaction({
    changes: [{}],
    contexts: ['{"user":"kim"}'],
    committedAtMicros: BigInt(later.getTime() + DAY_MS) * 1000n,
  });
  await storeOne(sink, good);
  await sink.close();
  // What was stored of it long ago goes from the default partition, each change with its own context.
  await aged.admin.query("UPDATE colophon.segments SET created_at = $1 WHERE context->>'user' = 'early'", [
    monthsAgo(5),
  ]);
  await aged.store(source, [new Date()]);
  await store.applyRetention(wish(daysSince(4)));
  const left = await aged.admin.query(
    "SELECT context->>'user' AS who FROM colophon.changes WHERE committed_at > $1",
    [later],
  );
  expect(left.rows).toEqual([{ who: 'kim' }]);
  expect((await aged.admin.query('SELECT FROM colophon.changes WHERE context IS NULL')).rowCount).toBe(0);
});

it('gives the halves of a month that an earlier version made alone back to each other', async () => {
  const later = monthsAgo(-6);
  const url = await createEarlierStore(inject('serverUrl'), 8);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE TABLE colophon.change_records_${partName(-6)} PARTITION OF colophon.change_records
    FOR VALUES FROM ('${later.toISOString()}') TO ('${monthsAgo(-7).toISOString()}')`);
  await client.query(
    `WITH segment AS (INSERT INTO colophon.segments (id, committed_at, source_id, timeline, commit_lsn, transaction_id, queued_at, context)
         VALUES (77, $1, 1, 1, '0/500', 900, $1, '{}') RETURNING id, committed_at)
       INSERT INTO colophon.change_records (committed_at, segment_id, position, sequence, id, operation, "schema", "table", key, before, after)
         SELECT committed_at, id, 256, 0, gen_random_uuid(), 'CREATE', 'public', 'todo', '{}', '{}', '{}' FROM segment`,
    [later],
  );
  await migrateStore(url);
  const { rows } = await client.query(
    `SELECT r.tableoid::regclass::text AS change, s.tableoid::regclass::text AS segment FROM colophon.change_records r
       JOIN colophon.segments s ON s.id = r.segment_id AND s.committed_at = r.committed_at WHERE r.committed_at = $1`,
    [later],
  );
  expect(rows).toEqual([
    { change: `colophon.change_records_${partName(-6)}`, segment: `colophon.segments_${partName(-6)}` },
  ]);
  await client.end();
  await dropDatabase(url);
});

it('notes nothing that it did not do, and lets nothing go without a wish', async () => {
  const call = (sql: string) => aged.admin.query(sql);
  await aged.putAside(`s.committed_at < '${monthsAgo(5).toISOString()}'`);
  const { rows } = await call("SELECT part FROM colophon.drop_oldest_month('1 day', NULL, '{}', 0)");
  expect(rows).toEqual([{ part: partName(6) }]);
  expect(await aged.oldMonths()).toEqual([5, 4, 3, 2].map(partName));
  await aged.store(source, [new Date('1970-01-02T00:00:00Z')], { storedAt: monthsAgo(5) });
  await aged.store(source, [new Date()]);
  expect((await call('SELECT FROM colophon.delete_from_default(NULL, NULL)')).rowCount).toBe(0);
  expect((await call('SELECT FROM colophon.drop_oldest_month(NULL, NULL)')).rowCount).toBe(0);
  expect((await call("SELECT FROM colophon.changes WHERE committed_at < '1990-01-01'")).rowCount).toBe(1);
});

it('deletes from the default partition by when it was stored', async () => {
  const longAgo = monthsAgo(5);
  const wrong = [new Date('1970-01-02T00:00:00Z'), new Date('1971-01-02T00:00:00Z')];
  const future = [new Date('2099-01-02T00:00:00Z'), new Date('2098-01-02T00:00:00Z')];
  await aged.store(source, [wrong[0]!, future[0]!], { storedAt: longAgo });
  await aged.store(source, [wrong[1]!, future[1]!], { storedAt: new Date() });
  await aged.store(source, [new Date()]);
  await aged.putAside("s.committed_at < '1990-01-01'");
  const parts = await store.planRetention(wish(daysSince(4)));
  expect(parts.at(-1)).toMatchObject({ part: 'default', changes: 2n, bytes: null });
  await store.applyRetention(wish(daysSince(4)));
  const { rows } = await aged.admin.query(
    `SELECT committed_at FROM colophon.changes WHERE committed_at < '1990-01-01' OR committed_at > '2090-01-01' ORDER BY 1`,
  );
  expect(rows.map((row) => row.committed_at)).toEqual([wrong[1], future[1]]);
  expect((await aged.admin.query('SELECT FROM colophon.segments_default')).rowCount).toBe(2);
  expect(
    (await aged.admin.query("SELECT changes, unstored FROM colophon.retentions WHERE part = 'default'")).rows,
  ).toEqual([{ changes: '2', unstored: '1' }]);
  expect((await aged.admin.query('SELECT FROM colophon.unstored')).rowCount).toBe(1);
});

it('waits for the lock in turns: a consumer goes on meanwhile, and so does retention afterwards', async () => {
  const reader = new pg.Client({ connectionString: aged.url });
  await reader.connect();
  // A query that takes hours holds its lock on the whole table as long.
  await reader.query('BEGIN; SELECT count(*) FROM colophon.changes');
  const sink = new PostgresStore({ url: aged.url });
  await sink.open(SOURCE);
  const retaining = store.applyRetention(wish(daysSince(5)));
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  retaining.then(over, over);
  // Until retention has tried for the lock at least once, changes are stored; each waits for one turn at most.
  const times: number[] = [];
  for (let count = 0; count < 2; count++) {
    await waitsForLock(aged.admin, () => isOver);
    const part = source.transaction({ changes: [{}], committedAtMicros: BigInt(Date.now()) * 1000n });
    const startedAt = performance.now();
    await sink.write([part]);
    await sink.flush(positionAfter(part));
    times.push(performance.now() - startedAt);
  }
  expect({ isOver, times }).toMatchObject({ isOver: false });
  // Far below what ten turns would take.
  expect(Math.max(...times)).toBeLessThan(3_000);
  await reader.query('COMMIT');
  await retaining;
  await sink.close();
  expect(await aged.oldMonths()).toEqual([5, 4, 3, 2].map(partName));
  expect(await aged.count()).toBe(14 - 2 + 2);
  await reader.end();
});

it('gives up where a month stays in use, and has dropped nothing then', async () => {
  const reader = new pg.Client({ connectionString: aged.url });
  await reader.connect();
  await reader.query('BEGIN; SELECT count(*) FROM colophon.changes');
  await expect(store.applyRetention(wish(1))).rejects.toMatchObject({
    code: 'LOCK_TIMEOUT',
    retryable: true,
  });
  await reader.query('COMMIT');
  await reader.end();
  expect(await aged.oldMonths()).toEqual(OLD_MONTHS.map(partName));
  expect((await aged.admin.query('SELECT FROM colophon.retentions')).rowCount).toBe(0);
});

async function storeOne(sink: PostgresStore, part: TransactionPart): Promise<void> {
  await sink.write([part]);
  await sink.flush(positionAfter(part));
}

/** Until a backend of the store waits for the lock of the whole. */
async function waitsForLock(client: pg.Client, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const { rowCount } = await client.query(
      `SELECT FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock' AND relation = 'colophon.change_records'::regclass`,
    );
    if (rowCount! > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
