import { ColophonError } from '@colophon/protocol';
import type { SourceClient } from './source-client.js';

/** The slot as the catalog has it. */
export interface SlotState {
  /** Whether a walsender serves it just now. */
  readonly isActive: boolean;
}

const OLDEST_MAJOR = 14;

// to_jsonb, since wal_status, invalidation_reason and conflicting are not columns of every version.
const FACTS = `SELECT current_setting('server_version_num')::int AS version, current_setting('wal_level') AS wal_level,
  current_database() AS database, (SELECT to_jsonb(s) FROM pg_catalog.pg_replication_slots s WHERE slot_name = $1) AS slot,
  EXISTS (SELECT FROM pg_catalog.pg_publication WHERE pubname = $2) AS has_publication`;

interface Facts {
  version: number;
  wal_level: string;
  database: string;
  slot: null | {
    plugin: string | null;
    database: string | null;
    slot_type: string;
    active: boolean;
    wal_status?: string | null;
    invalidation_reason?: string | null;
  };
  has_publication: boolean;
}

/**
 * Whether the source can be read at all. Throws, each with its remedy: `UNSUPPORTED_SERVER`, `WAL_LEVEL`, `SLOT_MISSING`,
 * `SLOT_WRONG_PLUGIN`, `SLOT_WRONG_DATABASE`, `SLOT_INVALIDATED`, `PUBLICATION_MISSING`. Changes nothing.
 */
export async function checkSource(
  client: Pick<SourceClient, 'query' | 'serverVersion'>,
  slot: string,
  publication: string,
): Promise<SlotState> {
  checkVersion(await client.serverVersion());
  const facts = (await client.query(FACTS, [slot, publication]))[0] as unknown as Facts;
  checkVersion(String(facts.version / 10_000));
  if (facts.wal_level !== 'logical') {
    throw new ColophonError(
      'WAL_LEVEL',
      `wal_level is ${facts.wal_level}, wanted logical. Run ALTER SYSTEM SET wal_level = logical and restart the server.`,
    );
  }
  if (!facts.has_publication) {
    throw new ColophonError(
      'PUBLICATION_MISSING',
      `There is no publication ${publication} in database ${facts.database}. Run "colophon init": it must be there before the slot is made.`,
    );
  }
  const found = facts.slot;
  if (found === null) {
    throw new ColophonError(
      'SLOT_MISSING',
      `There is no replication slot ${slot}. Run "colophon init"; if it was there before, what was committed since it was dropped is not audited.`,
    );
  }
  if (found.slot_type !== 'logical' || found.plugin !== 'pgoutput') {
    throw new ColophonError(
      'SLOT_WRONG_PLUGIN',
      `Slot ${slot} is ${found.slot_type === 'logical' ? `of plugin ${found.plugin}` : 'a physical one'}, wanted pgoutput. Use another slot's name.`,
    );
  }
  if (found.database !== facts.database) {
    throw new ColophonError(
      'SLOT_WRONG_DATABASE',
      `Slot ${slot} belongs to database ${found.database}, wanted ${facts.database}. Slots are per server: use another name.`,
    );
  }
  if (found.wal_status === 'lost' || (found.invalidation_reason ?? null) !== null) {
    throw new ColophonError(
      'SLOT_INVALIDATED',
      `Slot ${slot} was invalidated by the server (${found.invalidation_reason ?? 'its WAL was removed'}). Drop and create it ("colophon drop", "colophon init"); what was committed in between is not audited.`,
    );
  }
  return { isActive: found.active };
}

function checkVersion(version: string): void {
  const major = Number.parseInt(version, 10);
  if (major >= OLDEST_MAJOR) return;
  throw new ColophonError(
    'UNSUPPORTED_SERVER',
    `The source is PostgreSQL ${Number.isNaN(major) ? version : major}, wanted ${OLDEST_MAJOR} or newer. Upgrade the server.`,
  );
}
