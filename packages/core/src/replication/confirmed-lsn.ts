import type { Lsn } from '@colophon/protocol';
import type { SourceClient } from './source-client.js';

/** How far the source knows the slot to be acknowledged; 0/0 where there is no such slot. */
export async function confirmedLsn(client: Pick<SourceClient, 'query'>, slot: string): Promise<Lsn> {
  const rows = await client.query(
    "SELECT confirmed_flush_lsn - '0/0'::pg_lsn AS lsn FROM pg_catalog.pg_replication_slots WHERE slot_name = $1",
    [slot],
  );
  return BigInt(String(rows[0]?.lsn ?? 0)) as Lsn;
}
