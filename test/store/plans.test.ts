import { migrateStore, openStore } from '@colophon/store';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

// 300,000 records of 75,000 transactions over five months, and the questions that the store is asked: each must be
// answered through an index, by the view that users see.
const RECORDS = 300_000;
const PER_TRANSACTION = 4;

let url: string;
let client: pg.Client;

beforeAll(async () => {
  url = await createDatabase(inject('serverUrl'));
  await migrateStore(url);
  client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`
    INSERT INTO colophon.sources (name, environment, database, system_identifier, slot) VALUES ('s', '', 's', '1', 's');
    INSERT INTO colophon.positions (source_id) VALUES (1);
    CREATE FUNCTION pg_temp.at(t int) RETURNS timestamptz LANGUAGE sql AS
      $$SELECT date_trunc('month', now()) - interval '1 month' + t * interval '150 days' / ${RECORDS / PER_TRANSACTION}$$;
    INSERT INTO colophon.segments (id, committed_at, source_id, timeline, commit_lsn, transaction_id, queued_at, context)
      SELECT t, pg_temp.at(t), 1, 1, '0/0'::pg_lsn + t, t, now(), jsonb_build_object('user', t % 5000, 'path', 'x' || t % 7)
      FROM generate_series(0, ${RECORDS / PER_TRANSACTION - 1}) t;
    INSERT INTO colophon.change_records (committed_at, segment_id, position, sequence, id, operation, "schema", "table",
        primary_key, key, old_key, before, after)
      SELECT pg_temp.at(c / ${PER_TRANSACTION}), c / ${PER_TRANSACTION}, c, c % ${PER_TRANSACTION}, gen_random_uuid(),
        'UPDATE', 'public', CASE WHEN c < 20000 THEN 'old' WHEN c % 1000 = 0 THEN 'rare' ELSE 'table_' || c % 5 END, k::text,
        jsonb_build_object('id', k), CASE WHEN c % 500 = 0 THEN jsonb_build_object('id', -k) END,
        jsonb_build_object('id', k, 'n', c), jsonb_build_object('id', k, 'n', c + 1)
      FROM (SELECT c, (c * 7919::bigint) % 20000 AS k FROM generate_series(0, ${RECORDS - 1}) c) AS changed`);
  await client.query('VACUUM ANALYZE colophon.segments, colophon.change_records');
});
afterAll(async () => {
  await client.end();
  await dropDatabase(url);
});

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: Plan[];
}

/** The store's indexes that a query really used, by the names that they have in the migration; and what it read without one. */
async function explain(sql: string, values: unknown[] = []) {
  const { rows } = await client.query(`EXPLAIN (ANALYZE, TIMING off, FORMAT json) ${sql}`, values);
  const top = rows[0]['QUERY PLAN'][0];
  const nodes: Plan[] = [];
  const visit = (plan: Plan) => {
    nodes.push(plan);
    plan.Plans?.forEach(visit);
  };
  visit(top.Plan);
  const run = nodes.filter((node) => node['Actual Loops'] > 0);
  const names = run.flatMap((node) => node['Index Name'] ?? []);
  const parents = await client.query(
    `SELECT DISTINCT p.relname FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid JOIN pg_class p ON p.oid = i.inhparent
     WHERE c.relname = ANY ($1)`,
    [names],
  );
  const isStore = (node: Plan) => /^(segments|change_records)/.test(node['Relation Name'] ?? '');
  // An empty default partition may be read as it is.
  const scanned = run.filter(
    (node) =>
      node['Node Type'] === 'Seq Scan' && isStore(node) && !/default/.test(node['Relation Name'] ?? ''),
  );
  const read = run
    .filter((node) => isStore(node))
    .reduce(
      (sum, node) =>
        sum + node['Actual Loops'] * (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)),
      0,
    );
  return {
    indexes: parents.rows.map((row) => row.relname as string),
    scanned,
    read,
    ms: top['Execution Time'] as number,
  };
}

const month = `date_trunc('month', now())`;
// Without an index's name: several are as good.
const questions: [name: string, sql: string, index: string, mostRead: number][] = [
  [
    'one row’s history',
    `"table" = 'table_2' AND primary_key = '1003' ORDER BY committed_at`,
    'change_records_history',
    100,
  ],
  ['a table’s latest by time', `"table" = 'table_2' ORDER BY committed_at DESC LIMIT 50`, '', 2000],
  ['a table’s latest', `"table" = 'table_2' ORDER BY seq DESC LIMIT 50`, '', 500],
  ['a rare table’s latest', `"table" = 'rare' ORDER BY seq DESC LIMIT 50`, '', 2000],
  ['the latest of all', 'true ORDER BY seq DESC LIMIT 50', 'change_records_seq', 500],
  ['the latest of all by time', 'true ORDER BY committed_at DESC LIMIT 50', 'change_records_time', 500],
  ['the next page', 'seq < 150000 ORDER BY seq DESC LIMIT 50', 'change_records_seq', 500],
  ['a key of the context', `context @> '{"user": 42}'`, 'segments_context', 500],
  [
    'a key of the context, latest',
    `context @> '{"user": 42}' ORDER BY committed_at DESC LIMIT 20`,
    'segments_context',
    500,
  ],
  [
    'a time range',
    `committed_at >= ${month} AND committed_at < ${month} + interval '1 hour'`,
    'change_records_time',
    1000,
  ],
  ['a transaction', 'transaction_id = 4242', 'segments_transaction', 100],
];

describe('the view answers through its indexes', () => {
  it.each(questions)('%s', async (_, where, index, mostRead) => {
    const { indexes, scanned, read } = await explain(`SELECT * FROM colophon.changes WHERE ${where}`);
    expect(scanned).toEqual([]);
    if (index !== '') expect(indexes).toContain(index);
    expect(read).toBeLessThan(mostRead);
  });

  it('a change by its id', async () => {
    const { rows } = await client.query('SELECT id FROM colophon.changes WHERE seq = 1234');
    const { indexes, scanned, read } = await explain('SELECT * FROM colophon.changes WHERE id = $1', [
      rows[0].id,
    ]);
    expect(scanned).toEqual([]);
    expect(indexes).toContain('change_records_pkey');
    expect(read).toBeLessThan(20);
  });

  it('counts without reading what is joined', async () => {
    const { rows } = await client.query('SELECT count(*)::int AS n FROM colophon.changes');
    expect(rows[0].n).toBe(RECORDS);
  });
});

it('the store’s own questions are as cheap', async () => {
  const store = await openStore(url);
  const seen: { text: string; values: unknown[] }[] = [];
  // What the library sends is what is explained.
  const query = pg.Client.prototype.query;
  for (const [options, index, mostRead] of [
    [{ table: 'table_2', key: 1003 }, 'change_records_history', 200],
    [{ table: 'table_2', key: { id: 1003 } }, 'change_records_history', 200],
    [{ table: 'old', limit: 50 }, 'change_records_table', 500],
    [{ table: 'table_2', limit: 50 }, 'change_records_table', 500],
    [{ table: 'rare', limit: 50 }, '', 2000],
    [{ context: { user: 42 }, limit: 50 }, 'segments_context', 500],
    [{ limit: 50 }, 'change_records_seq', 500],
  ] as const) {
    pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
      const config = args[0] as { text?: string; values?: unknown[] };
      const text = typeof args[0] === 'string' ? args[0] : (config?.text ?? '');
      const values = (Array.isArray(args[1]) ? args[1] : config?.values) ?? [];
      if (text.includes('FROM colophon.change_records')) seen.push({ text, values });
      return (query as (...all: unknown[]) => unknown).apply(this, args);
    } as typeof query;
    try {
      await store.changes(options);
    } finally {
      pg.Client.prototype.query = query;
    }
    const { text, values } = seen.at(-1)!;
    const { indexes, scanned, read } = await explain(text, values);
    expect(scanned).toEqual([]);
    if (index !== '') expect(indexes).toContain(index);
    expect(read).toBeLessThan(mostRead);
  }
  const old = await store.history('rare', { id: -19_000 });
  expect(old.length).toBeGreaterThan(0);
  await store.close();
});
