import { formatLsn, type GapReason, type Lsn, parseLsn } from '@colophon/protocol';
import { connectStore } from './connection/connect-store.js';
import { storeError } from './connection/store-error.js';
import { checkStoreVersion } from './migrate/store-version.js';
import { explainRefusal } from './rights/missing-rights.js';

/** The slot that a source's ledger begins or goes on with. */
export interface SlotBeginning {
  /** The source's name and label, as `run` will give them. */
  readonly name: string;
  readonly environment: string;
  readonly database: string;
  readonly systemIdentifier: string;
  readonly timeline: number;
  readonly slot: string;
  /** The first commit that the slot delivers starts here or later. */
  readonly startLsn: Lsn;
  /** Whether the slot was just made: then whatever was read through one of its name before ends, with a gap. */
  readonly isNew: boolean;
  /** Who let it be made, for the gap record. */
  readonly approvedBy: string;
}

/** A gap that this left in a source's ledger. */
export interface BegunGap {
  readonly source: string;
  readonly reason: GapReason;
  /** Null where it isn't known. */
  readonly fromLsn: Lsn | null;
  readonly toLsn: Lsn;
}

/**
 * Notes in the store's ledger where a slot begins. Where the store knows the source by an older slot, or by another
 * server, that is recorded as a gap, and the ledger goes on with the new one. Fails as `openStore` does.
 */
export async function beginSlot(url: string, beginning: SlotBeginning): Promise<readonly BegunGap[]> {
  const client = await connectStore({ url, applicationName: 'colophon init' });
  try {
    await checkStoreVersion(client);
    const { rows } = await client.query(
      'SELECT * FROM colophon.begin_slot($1, $2, $3, $4, $5, $6, $7, $8, $9)',
      [
        beginning.systemIdentifier,
        beginning.timeline,
        beginning.database,
        beginning.slot,
        formatLsn(beginning.startLsn),
        beginning.isNew,
        beginning.name,
        beginning.environment,
        beginning.approvedBy,
      ],
    );
    return rows.map((row) => ({
      source: row.source,
      reason: row.reason,
      fromLsn: row.from_lsn === null ? null : parseLsn(row.from_lsn),
      toLsn: parseLsn(row.to_lsn),
    }));
  } catch (error) {
    const failure = storeError(error, "The slot's beginning could not be noted in the store");
    throw await explainRefusal(failure, client, 'consumer');
  } finally {
    await client.end().catch(() => {});
  }
}
