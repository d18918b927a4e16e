import { type Lsn, parseLsn } from '@colophon/protocol';
import type { Connection } from './connect.js';

/** From where on a slot delivers. */
export interface SlotPosition {
  /** The first commit that it delivers starts here or later. */
  readonly startLsn: Lsn;
  /** The server's timeline. */
  readonly timeline: number;
}

// The control file's timeline is that of the last checkpoint, which after a promotion may be the old one still.
const POSITION = `SELECT confirmed_flush_lsn::text AS lsn, ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int AS timeline
  FROM pg_catalog.pg_replication_slots WHERE slot_name = $1`;

/** Where a slot stands now; null where there is none that delivers changes. Only on a primary. */
export async function slotPosition(connection: Connection, slot: string): Promise<SlotPosition | null> {
  const [row] = await connection.query<{ lsn: string | null; timeline: number }>(POSITION, [slot]);
  if (row === undefined || row.lsn === null) return null;
  return { startLsn: parseLsn(row.lsn), timeline: row.timeline };
}
