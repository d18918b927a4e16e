import { lsn } from '@colophon/protocol';
import { migrateStore, PostgresBaselines, PostgresStore } from '@colophon/store';
import { createDatabase } from '@colophon/testkit';
import pg from 'pg';
import { type FakeSource, positionAfter, SOURCE, TODO } from '../store/fake-source.js';

/** The first moment of a month so many months ago, in UTC. */
export function monthsAgo(count: number): Date {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - count, 1));
}

/** The name of that month's partitions: `2026_11`. */
export function partName(count: number): string {
  return monthsAgo(count).toISOString().slice(0, 7).replace('-', '_');
}

/** A store with partitions of months that are long over, as one that was made then has them. */
export class AgedStore {
  readonly url: string;
  readonly admin: pg.Client;

  private constructor(url: string, admin: pg.Client) {
    this.url = url;
    this.admin = admin;
  }

  static async create(serverUrl: string, months: number): Promise<AgedStore> {
    const url = await createDatabase(serverUrl);
    await migrateStore(url);
    const admin = new pg.Client({ connectionString: url });
    await admin.connect();
    const store = new AgedStore(url, admin);
    for (let count = 2; count <= months; count++) await store.#addMonth(count);
    return store;
  }

  /** Stores one change for each time, as if it had been stored at its commit, or at `storedAt`. Closes what it opened. */
  async store(
    source: FakeSource,
    times: readonly Date[],
    options: { name?: string; storedAt?: Date } = {},
  ): Promise<void> {
    const sink = new PostgresStore({ url: this.url });
    await sink.open({ ...SOURCE, name: options.name ?? SOURCE.name });
    const parts = times.map((time) =>
      source.transaction({ changes: [{}], committedAtMicros: BigInt(time.getTime()) * 1000n }),
    );
    await sink.write(parts);
    await sink.flush(positionAfter(parts.at(-1)!));
    await sink.close();
    await this.admin.query(
      `UPDATE colophon.segments SET created_at = coalesce($1, committed_at) WHERE committed_at = ANY ($2)
         AND created_at > now() - interval '1 hour'`,
      [options.storedAt ?? null, times],
    );
  }

  /** Copies one row of a table as it was at that time; `isLast` false: a copy that was broken off. */
  async copy(table: string, takenAt: Date, isLast = true): Promise<void> {
    const baselines = new PostgresBaselines({ url: this.url });
    await baselines.open(SOURCE);
    await baselines.begin({ ...TODO, oid: 16_400, table, columns: 'id int4' });
    const log = { timeline: 1, lowLsn: lsn(1n), highLsn: lsn(2n), snapshot: '700:700:' };
    await baselines.beginChunk({ ...log, takenAt: takenAt.toISOString() });
    await baselines.write([{ key: '{"id":1}', primaryKey: '1', row: '{"id":1}' }]);
    await baselines.endChunk({ lastKey: ['1'], isLast });
    await baselines.close();
  }

  /** Puts the contexts of these segments aside, as those that the server could not store. */
  async putAside(condition: string): Promise<void> {
    await this.admin.query(`SELECT colophon.keep_unstored(s.source_id, s.id, s.committed_at, 'context', '22P02', NULL, NULL,
      NULL, NULL, NULL, NULL, NULL, NULL, 'x') FROM colophon.segments s WHERE ${condition}`);
  }

  /** The tables of which copies are there, one word a copy, and how many rows these have. */
  async copies(): Promise<{ tables: string[]; rows: number }> {
    const { rows } = await this.admin.query(
      `SELECT array(SELECT "table"::text FROM colophon.baselines ORDER BY id) AS tables,
         (SELECT count(*)::int FROM colophon.baseline_rows) AS rows`,
    );
    return rows[0];
  }

  /** The partitions of months before last that are there, oldest first. */
  async oldMonths(): Promise<string[]> {
    const { rows } = await this.admin.query(
      `SELECT right(relname, 7) AS part, count(*)::int AS leaves FROM pg_class WHERE relnamespace = 'colophon'::regnamespace
         AND relname ~ '^(segments|change_records)_\\d{4}_\\d{2}$' AND right(relname, 7) < $1 GROUP BY 1 ORDER BY 1`,
      [partName(1)],
    );
    // Changes and segments of a month go together.
    if (rows.some((row) => row.leaves !== 2)) throw new Error(`half a month: ${JSON.stringify(rows)}`);
    return rows.map((row) => row.part);
  }

  async count(): Promise<number> {
    return (await this.admin.query('SELECT count(*)::int AS n FROM colophon.changes')).rows[0].n;
  }

  async #addMonth(count: number): Promise<void> {
    for (const parent of ['segments', 'change_records']) {
      const leaf = `colophon.${parent}_${partName(count)}`;
      await this.admin.query(`CREATE TABLE ${leaf} (LIKE colophon.${parent} INCLUDING ALL);
        ALTER TABLE colophon.${parent} ATTACH PARTITION ${leaf}
          FOR VALUES FROM ('${monthsAgo(count).toISOString()}') TO ('${monthsAgo(count - 1).toISOString()}')`);
    }
  }
}
