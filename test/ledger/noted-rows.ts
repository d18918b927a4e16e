import { createConsumer } from '@colophon/core';
import type { Gap, Lsn } from '@colophon/protocol';
import { type GapRow, openStore, PostgresStore } from '@colophon/store';
import type pg from 'pg';
import { expect } from 'vitest';

/** A row whose commit lies between two positions of the source's log. */
export interface NotedRow {
  readonly id: number;
  readonly before: bigint;
  readonly after: bigint;
}

/** What the consumer reads, and where it stores. */
export interface LedgerSource {
  readonly url: string;
  readonly storeUrl: string;
  readonly slot: string;
}

/** The schema that `insertNoted` writes to. */
export const TODO = 'CREATE TABLE todo (id int PRIMARY KEY, title text)';

const NOW = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS lsn";

/** Writes rows, each in a transaction of its own, and notes between which positions each was committed. */
export async function insertNoted(client: pg.Client, ...ids: number[]): Promise<NotedRow[]> {
  const position = async () => BigInt((await client.query(NOW)).rows[0].lsn);
  const rows: NotedRow[] = [];
  for (const id of ids) {
    const before = await position();
    await client.query("INSERT INTO todo VALUES ($1, 'x')", [id]);
    rows.push({ id, before, after: await position() });
    // A commit writes the log out: else what others have just put into it would lie before `after`, and behind where a slot can be moved to.
    await client.query("SELECT pg_logical_emit_message(true, 'noted', '')");
  }
  return rows;
}

/** Stores everything that is committed by now, with a consumer of its own. Gives the gaps that it told of. */
export async function storeOnce({ url, storeUrl, slot }: LedgerSource): Promise<Gap[]> {
  const told: Gap[] = [];
  const sink = new PostgresStore({ url: storeUrl });
  const consumer = createConsumer({ source: url, slot, sink });
  consumer.on('gap', (gap) => told.push(gap));
  const running = consumer.run();
  running.catch(() => {});
  await Promise.race([consumer.drain(60_000), running]);
  await consumer.stop();
  await running;
  return told;
}

/** The ids of the stored rows and the gaps, as a reader sees them. */
export async function readLedger(storeUrl: string): Promise<{ ids: number[]; gaps: GapRow[] }> {
  const store = await openStore(storeUrl, { maxConnections: 1 });
  try {
    const changes = await store.changes({ order: 'oldest' });
    return { ids: changes.map((change) => Number(change.primary_key)), gaps: await store.gaps() };
  } finally {
    await store.close();
  }
}

/** Every row is either stored or lies whole within the stretch; none is both. */
export function expectEnclosed(
  { fromLsn, toLsn }: { fromLsn: Lsn | null; toLsn: Lsn | null },
  rows: readonly NotedRow[],
  storedIds: readonly number[],
): void {
  expect(toLsn).not.toBeNull();
  for (const { id, before, after } of rows) {
    const isInside = (fromLsn === null || before >= fromLsn) && after <= toLsn!;
    const isOutside = (fromLsn !== null && after <= fromLsn) || before >= toLsn!;
    expect({ id, isInside, isOutside }).toEqual({
      id,
      isInside: !storedIds.includes(id),
      isOutside: storedIds.includes(id),
    });
  }
}
