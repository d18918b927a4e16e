import type pg from 'pg';
import { expect } from 'vitest';

// The workload's generated column is in no log before 18.
const ROW = (column: string): string => `(${column} - 'doubled')::text`;

/** A copy of one table, or one partition. */
export interface CopiedTable {
  readonly baseline: number;
  readonly schema: string;
  readonly table: string;
  readonly partition: string | null;
}

interface Change {
  readonly operation: string;
  readonly before_key: string;
  readonly after_key: string;
  readonly before: string;
  readonly after: string;
  /** Of each chunk, whether the change is in it. */
  readonly is_in: readonly boolean[];
}

const CHANGES = `
SELECT c.operation, ${ROW('c.before')} AS before, ${ROW('c.after')} AS after,
  (SELECT coalesce(jsonb_object_agg(k, c.before -> k), '{}') FROM unnest(b.key_columns) k)::text AS before_key,
  (SELECT coalesce(jsonb_object_agg(k, c.after -> k), '{}') FROM unnest(b.key_columns) k)::text AS after_key,
  ARRAY(SELECT colophon.is_in_baseline(c.timeline, c.commit_lsn, c.transaction_id, h.timeline, h.low_lsn, h.high_lsn, h.snapshot)
        FROM colophon.baseline_chunks h WHERE h.baseline_id = b.id ORDER BY h.chunk) AS is_in
FROM colophon.baselines b JOIN colophon.changes c
  ON c.schema = b.schema AND c."table" = b."table" AND c.partition IS NOT DISTINCT FROM b.partition
WHERE b.id = $1 ORDER BY c.seq`;

/** The table's rows as texts, sorted. */
export async function contents(client: pg.Client, copied: CopiedTable): Promise<string[]> {
  const leaf = copied.partition ?? copied.table;
  const [schema, name] = leaf.startsWith('Odd Schema.')
    ? ['Odd Schema', leaf.slice('Odd Schema.'.length)]
    : [copied.schema, leaf];
  const { rows } = await client.query(
    `SELECT ${ROW('to_jsonb(t)')} AS row FROM ONLY ${quote(schema)}.${quote(name)} t`,
  );
  return rows.map(({ row }) => row).sort();
}

/**
 * The copy, and over it exactly the changes that aren't in it: each judged by the chunk of the row that it touches. Fails
 * where a change finds another row than it says was there before, or one where it says there was none.
 */
export async function replayExactly(client: pg.Client, copied: CopiedTable): Promise<string[]> {
  const { baseline } = copied;
  const { rows: chunks } = await client.query<{ last: string | null }>(
    'SELECT last_key[1] AS last FROM colophon.baseline_chunks WHERE baseline_id = $1 ORDER BY chunk',
    [baseline],
  );
  const chunkOf = (key: string): number => {
    if (key === '{}') return 0;
    const id = (JSON.parse(key) as { id: number }).id;
    const found = chunks.findIndex(({ last }, place) => place === chunks.length - 1 || id <= Number(last));
    return found;
  };
  // A table without a key may have equal rows.
  const state = new Map<string, string[]>();
  for (const { key, after } of await copiedRows(client, baseline)) at(state, key).push(after);
  for (const change of (await client.query<Change>(CHANGES, [baseline])).rows) {
    const { operation, before, after, before_key, after_key, is_in } = change;
    if (operation === 'TRUNCATE') {
      for (const key of state.keys()) if (!is_in[chunkOf(key)]) state.delete(key);
      continue;
    }
    if (operation !== 'CREATE' && !is_in[chunkOf(before_key)]) {
      const rows = at(state, before_key);
      const found = rows.indexOf(before);
      expect(
        found,
        `${copied.table}: ${operation} of a row that isn't there: ${before}, but ${rows}`,
      ).not.toBe(-1);
      rows.splice(found, 1);
    }
    if (operation !== 'DELETE' && !is_in[chunkOf(after_key)]) {
      const rows = at(state, after_key);
      if (after_key !== '{}')
        expect(rows, `${copied.table}: ${operation} of a key that is there`).toEqual([]);
      rows.push(after);
    }
  }
  return [...state.values()].flat().sort();
}

/** The copy, and over it every change of the table by key, in it or not: the last one says what the row is. */
export async function replayAll(client: pg.Client, { baseline }: CopiedTable): Promise<string[]> {
  const state = new Map<string, string>();
  for (const { key, after } of await copiedRows(client, baseline)) {
    expect(state.has(key), `copied twice: ${key}`).toBe(false);
    state.set(key, after);
  }
  for (const { operation, after, before_key, after_key } of (await client.query<Change>(CHANGES, [baseline]))
    .rows) {
    if (operation === 'TRUNCATE') state.clear();
    if (operation === 'UPDATE' || operation === 'DELETE') state.delete(before_key);
    if (operation === 'UPDATE' || operation === 'CREATE') state.set(after_key, after);
  }
  return [...state.values()].sort();
}

async function copiedRows(client: pg.Client, baseline: number): Promise<{ key: string; after: string }[]> {
  const { rows } = await client.query(
    `SELECT key::text, ${ROW('after')} AS after FROM colophon.baseline WHERE baseline = $1`,
    [baseline],
  );
  return rows;
}

function at(state: Map<string, string[]>, key: string): string[] {
  let rows = state.get(key);
  if (rows === undefined) {
    rows = [];
    state.set(key, rows);
  }
  return rows;
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
