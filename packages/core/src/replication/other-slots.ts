import type { SourceClient } from './source-client.js';

/** The logical slots of the source's database that a consumer could read, but for this one. */
export async function otherSlots(client: Pick<SourceClient, 'query'>, slot: string): Promise<string[]> {
  const rows = await client.query(
    `SELECT slot_name AS name FROM pg_catalog.pg_replication_slots
      WHERE database = current_database() AND NOT temporary AND slot_name <> $1 AND wal_status IS DISTINCT FROM 'lost'
      ORDER BY slot_name`,
    [slot],
  );
  return rows.map((row) => String(row.name));
}
