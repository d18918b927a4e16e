import pg from 'pg';
import { type ComparisonOptions, type ComparisonReport, compareStored } from './compare-stored.js';
import { HARVEST, INSTALL_TRIGGERS, ORACLE_SCHEMA } from './oracle-schema.js';

/** What the workload really did, by the oracle's witnesses. */
export interface Harvest {
  /** Committed transactions with at least one tracked change. */
  readonly transactions: number;
  readonly changes: number;
  readonly byOperation: Readonly<Record<string, number>>;
  /** Changes with a context, and without one. */
  readonly named: number;
  readonly nameless: number;
  /** Transactions in which more than one context was in force. */
  readonly mixed: number;
}

/** Knows, without Colophon, what `colophon.changes` should hold. One a database. */
export interface Oracle {
  /**
   * Reads its slot to the end and works out what is expected. Once, when the workload has ended.
   * Throws where its two witnesses, the triggers and `test_decoding`, disagree.
   */
  harvest(): Promise<Harvest>;
  /** Compares `colophon.changes` in the database of this URL with what is expected. After `harvest`. */
  compare(storeUrl: string, options?: ComparisonOptions): Promise<ComparisonReport>;
}

/**
 * Sets up triggers on the tracked tables (as `regclass` reads them) and a slot of `test_decoding`.
 * The tables must exist, no transaction that writes may be open, and nothing may have been written that counts.
 */
export async function installOracle(url: string, tables: readonly string[]): Promise<Oracle> {
  const slot = `oracle_${new URL(url).pathname.slice(1)}`.slice(0, 63);
  await withClient(url, async (client) => {
    await client.query(ORACLE_SCHEMA);
    for (const table of tables) {
      await client.query("SELECT set_config('oracle.table', $1, false)", [table]);
      await client.query(INSTALL_TRIGGERS);
    }
    await client.query("SELECT pg_create_logical_replication_slot($1, 'test_decoding')", [slot]);
  });
  return {
    harvest: () => withClient(url, (client) => harvest(client, slot)),
    compare: (storeUrl, options) => compareStored(url, storeUrl, options),
  };
}

async function harvest(client: pg.Client, slot: string): Promise<Harvest> {
  await client.query("SET client_min_messages = warning; SET work_mem = '64MB'");
  await client.query("SELECT set_config('oracle.slot', $1, false)", [slot]);
  await client.query(HARVEST);
  const { rows: disagreements } = await client.query(`
    SELECT coalesce(decoded_xid, written_xid) AS xid, leaf::regclass::text AS leaf,
           decoded_operation AS decoded, written_operation AS written
    FROM oracle.matched m WHERE decoded_xid IS NULL OR written_xid IS NULL ORDER BY n LIMIT 5`);
  if (disagreements.length > 0) {
    throw new Error(`The oracle's triggers and test_decoding disagree: ${JSON.stringify(disagreements)}`);
  }
  const { rows } = await client.query(`
    SELECT count(DISTINCT xid)::int AS transactions, count(*)::int AS changes,
           count(*) FILTER (WHERE context <> '{}')::int AS named,
           count(*) FILTER (WHERE context = '{}')::int AS nameless,
           (SELECT count(*)::int FROM (SELECT FROM oracle.expected GROUP BY xid HAVING count(DISTINCT context) > 1) m) AS mixed,
           (SELECT jsonb_object_agg(operation, n) FROM (SELECT operation, count(*) AS n FROM oracle.expected GROUP BY 1) o) AS "byOperation"
    FROM oracle.expected`);
  return rows[0] as Harvest;
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
