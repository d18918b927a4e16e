import { ColophonError, INVALID_LSN, parseLsn } from '@colophon/protocol';
import type { Connection } from './connect.js';
import { OLDEST_MAJOR } from './connect.js';
import { inspectDdl } from './inspect-ddl.js';
import { inspectRelations } from './inspect-relations.js';
import { readMemory } from './memory.js';
import { checkNames, type SourceNames } from './names.js';
import type { PublicationState, RoleState, ServerState, SlotState, SourceState } from './source-state.js';
import type { TableName } from './table-name.js';
import { inspectTrack } from './tables/inspect-track.js';

/**
 * Reads what the source looks like; changes nothing. `named` are tables to look at even in PostgreSQL's own schemas.
 * Throws `UNSUPPORTED_SERVER` below 14, `INVALID_OPTION` for names that can't be.
 */
export async function inspectSource(
  connection: Connection,
  names: SourceNames,
  named: readonly TableName[] = [],
): Promise<SourceState> {
  checkNames(names);
  const server = await inspectServer(connection);
  return {
    server,
    role: await inspectRole(connection),
    publication: await inspectPublication(connection, names.publication),
    slot: await inspectSlot(connection, names.slot),
    ddl: await inspectDdl(connection, names.publication),
    track: await inspectTrack(connection, names.publication),
    relations: await inspectRelations(connection, named),
  };
}

async function inspectServer(connection: Connection): Promise<ServerState> {
  const [row] = await connection.query<{
    number: number;
    version: string;
    wal_level: string;
    standby: boolean;
    database: string;
    database_oid: number;
  }>(
    `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version,
            current_setting('wal_level') AS wal_level, pg_is_in_recovery() AS standby,
            current_database() AS database,
            (SELECT oid FROM pg_database WHERE datname = current_database()) AS database_oid`,
  );
  const major = Math.floor(row!.number / 10_000);
  if (major < OLDEST_MAJOR) {
    throw new ColophonError(
      'UNSUPPORTED_SERVER',
      `${connection.target} is PostgreSQL ${row!.version}, wanted ${OLDEST_MAJOR} or newer: upgrade the server.`,
      { details: { version: row!.version } },
    );
  }
  const [limits] = await connection.query<{
    system: string;
    max_slots: number;
    used_slots: number;
    max_senders: number;
    used_senders: number;
    keep_mb: number;
    idle_seconds: number;
    standby_slots: { name: string; isActive: boolean }[];
    synchronized: string[];
  }>(
    `SELECT (SELECT system_identifier::text FROM pg_control_system()) AS system,
            current_setting('max_replication_slots')::int AS max_slots,
            (SELECT count(*)::int FROM pg_replication_slots) AS used_slots,
            current_setting('max_wal_senders')::int AS max_senders,
            (SELECT count(*)::int FROM pg_stat_replication) AS used_senders,
            (SELECT setting::int FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS keep_mb,
            coalesce((SELECT setting::int FROM pg_settings WHERE name = 'idle_replication_slot_timeout'), 0) AS idle_seconds,
            coalesce((SELECT jsonb_agg(jsonb_build_object('name', slot_name, 'isActive', active) ORDER BY slot_name)
                        FROM pg_replication_slots WHERE slot_type = 'physical' AND NOT temporary), '[]') AS standby_slots,
            array_remove(string_to_array(
              translate(coalesce(current_setting('synchronized_standby_slots', true), ''), ' "', ''), ','), '') AS synchronized`,
  );
  return {
    version: row!.version,
    major,
    walLevel: row!.wal_level,
    isStandby: row!.standby,
    database: row!.database,
    databaseOid: row!.database_oid,
    systemIdentifier: limits!.system,
    maxSlots: limits!.max_slots,
    usedSlots: limits!.used_slots,
    maxSenders: limits!.max_senders,
    usedSenders: limits!.used_senders,
    maxSlotWalKeepBytes: limits!.keep_mb < 0 ? -1 : limits!.keep_mb * 1024 * 1024,
    idleSlotTimeoutSeconds: limits!.idle_seconds,
    standbySlots: limits!.standby_slots,
    synchronizedStandbySlots: limits!.synchronized,
  };
}

async function inspectRole(connection: Connection): Promise<RoleState> {
  // Amazon's servers give the right through membership instead of the attribute.
  const [row] = await connection.query<RoleState & { name: string }>(
    `SELECT current_user AS name, rolsuper AS "isSuperuser",
            rolsuper OR rolreplication OR EXISTS (
              SELECT FROM pg_roles AS given WHERE given.rolname IN ('rds_replication', 'rds_superuser')
                AND pg_has_role(current_user, given.oid, 'USAGE')) AS "canReplicate",
            has_database_privilege(current_database(), 'CREATE') AS "canCreate"
       FROM pg_roles WHERE rolname = current_user`,
  );
  return row!;
}

async function inspectPublication(connection: Connection, name: string): Promise<PublicationState | null> {
  // As JSON, since the columns differ by major: pubgencols came with 18, filters and schemas with 15.
  const [row] = await connection.query<{
    publication: Record<string, unknown>;
    is_owned: boolean;
    owner: string;
    comment: string | null;
    tables: { prrelid: string; prqual?: unknown; prattrs?: unknown }[];
  }>(
    `SELECT to_jsonb(p) AS publication, pg_has_role(p.pubowner, 'USAGE') AS is_owned,
            pg_get_userbyid(p.pubowner) AS owner, obj_description(p.oid, 'pg_publication') AS comment,
            coalesce((SELECT jsonb_agg(to_jsonb(r) ORDER BY r.prrelid) FROM pg_publication_rel r
                       WHERE r.prpubid = p.oid), '[]') AS tables
       FROM pg_publication p WHERE p.pubname = $1`,
    [name],
  );
  if (row === undefined) return null;
  const publication = row.publication;
  return {
    isOwned: row.is_owned,
    owner: row.owner,
    isForAllTables: publication.puballtables === true,
    schemas: await publishedSchemas(connection, String(publication.oid)),
    missingOperations: ['insert', 'update', 'delete', 'truncate'].filter(
      (operation) => publication[`pub${operation}`] !== true,
    ),
    isViaRoot: publication.pubviaroot === true,
    publishesStoredColumns: publication.pubgencols === undefined ? null : publication.pubgencols === 's',
    tables: row.tables.map((table) => ({
      oid: Number(table.prrelid),
      hasRowFilter: table.prqual !== undefined && table.prqual !== null,
      hasColumnList: table.prattrs !== undefined && table.prattrs !== null,
    })),
    comment: row.comment,
    memory: readMemory(row.comment),
  };
}

async function publishedSchemas(connection: Connection, publicationOid: string): Promise<string[]> {
  const [known] = await connection.query<{ known: boolean }>(
    `SELECT to_regclass('pg_catalog.pg_publication_namespace') IS NOT NULL AS known`,
  );
  if (!known!.known) return [];
  const rows = await connection.query<{ name: string }>(
    `SELECT n.nspname AS name FROM pg_publication_namespace s JOIN pg_namespace n ON n.oid = s.pnnspid
      WHERE s.pnpubid = $1 ORDER BY 1`,
    [publicationOid],
  );
  return rows.map((row) => row.name);
}

/** Reads the slot as the server has it; null where there is none. Any role may. */
export async function inspectSlot(connection: Connection, name: string): Promise<SlotState | null> {
  const [row] = await connection.query<{
    slot: Record<string, string | number | boolean | null | undefined>;
    retained: string | null;
    lag: string | null;
    wal_end: string | null;
    keep_mb: number;
  }>(
    `SELECT to_jsonb(s) AS slot, pg_wal_lsn_diff(now.lsn, s.restart_lsn) AS retained,
            pg_wal_lsn_diff(now.lsn, s.confirmed_flush_lsn) AS lag, now.lsn AS wal_end,
            (SELECT setting::int FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS keep_mb
       FROM pg_replication_slots s,
            (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END AS lsn) now
      WHERE s.slot_name = $1`,
    [name],
  );
  if (row === undefined) return null;
  const slot = row.slot;
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  const isLost = slot.wal_status === 'lost' || slot.conflicting === true;
  return {
    type: String(slot.slot_type),
    plugin: text(slot.plugin),
    database: text(slot.database),
    isActive: slot.active === true,
    activePid: typeof slot.active_pid === 'number' ? slot.active_pid : null,
    isTemporary: slot.temporary === true,
    isTwoPhase: slot.two_phase === true,
    isFailover: typeof slot.failover === 'boolean' ? slot.failover : null,
    walStatus: text(slot.wal_status),
    invalidation: text(slot.invalidation_reason) ?? (isLost ? 'wal_removed' : null),
    confirmedFlushLsn:
      text(slot.confirmed_flush_lsn) === null ? null : parseLsn(String(slot.confirmed_flush_lsn)),
    retainedBytes: row.retained === null ? null : Number(row.retained),
    lagBytes: row.lag === null ? null : Math.max(0, Number(row.lag)),
    safeWalBytes: slot.safe_wal_size == null ? null : Number(slot.safe_wal_size),
    maxRetainedBytes: row.keep_mb < 0 ? null : row.keep_mb * 1024 * 1024,
    walEndLsn: row.wal_end === null ? INVALID_LSN : parseLsn(row.wal_end),
  };
}
