import type { Connection } from '../connect.js';
import type { SourceHealth } from './source-health.js';

const SETTINGS = `SELECT pg_backend_pid() AS "backendPid", host(inet_server_addr()) AS "serverAddress",
  current_setting('port')::int AS "serverPort",
  (SELECT setting::int FROM pg_settings WHERE name = 'wal_sender_timeout') AS "walSenderTimeoutMs",
  (SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout') AS "statementTimeoutMs",
  coalesce((SELECT setting::int FROM pg_settings WHERE name = 'transaction_timeout'), 0) AS "transactionTimeoutMs",
  current_setting('default_transaction_read_only')::boolean AS "isReadOnly",
  CASE WHEN r.rolsuper THEN -1 ELSE r.rolconnlimit END AS "roleLimit",
  (SELECT count(*)::int FROM pg_stat_activity a WHERE a.usename = current_user AND a.pid <> pg_backend_pid()
    AND a.backend_type = 'client backend') AS "roleConnections",
  CASE WHEN r.rolsuper THEN -1 ELSE d.datconnlimit END AS "databaseLimit",
  (SELECT count(*)::int FROM pg_stat_activity a WHERE a.datid = d.oid AND a.pid <> pg_backend_pid()
    AND a.backend_type = 'client backend') AS "databaseConnections"
  FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()`;

// Only these hold up a new slot: a transaction that reads has no id.
const OPEN = `SELECT pid, extract(epoch FROM clock_timestamp() - xact_start)::float8 AS seconds, state LIKE 'idle%' AS "isIdle"
  FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() AND xact_start IS NOT NULL ORDER BY xact_start`;

const PREPARED = `SELECT gid, owner::text, database::text, extract(epoch FROM clock_timestamp() - prepared)::float8 AS seconds
  FROM pg_prepared_xacts ORDER BY prepared`;

const PUBLISHED = `SELECT leaf.oid FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid
  CROSS JOIN LATERAL (
    SELECT relid::oid AS oid FROM pg_partition_tree(r.prrelid) WHERE isleaf
    UNION SELECT r.prrelid WHERE NOT EXISTS (SELECT FROM pg_partition_tree(r.prrelid))) leaf WHERE p.pubname = $1`;

const GENERATED = `SELECT n.nspname AS schema, c.relname AS name, a.attname AS "column"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE c.oid IN (${PUBLISHED}) AND a.attgenerated = 's' AND NOT a.attisdropped ORDER BY 1, 2, a.attnum`;

const DEFERRABLE = `SELECT k.conrelid::oid AS oid, k.conname::text AS "constraint",
  ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY c(attnum, at)
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.attnum ORDER BY c.at) AS columns
  FROM pg_constraint k WHERE k.contype = 'p' AND k.condeferrable AND k.conrelid IN (${PUBLISHED})`;

const UNREADABLE = `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid IN (${PUBLISHED})
    AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')) ORDER BY 1, 2`;

/** Asks what doctor alone wants to know of a source; changes nothing. */
export async function inspectHealth(connection: Connection, publication: string): Promise<SourceHealth> {
  const clock = await inspectClock(connection);
  const [settings] = await connection.query<Omit<SourceHealth, 'openTransactions'>>(SETTINGS);
  return {
    ...settings!,
    ...clock,
    openTransactions: await connection.query(OPEN),
    preparedTransactions: await connection.query(PREPARED),
    generatedColumns: await connection.query(GENERATED, [publication]),
    deferrableKeys: await connection.query(DEFERRABLE, [publication]),
    unreadable: await connection.query(UNREADABLE, [publication]),
  };
}

/** What the server's clock says, against this machine's in the middle of the question. */
export async function inspectClock(
  connection: Connection,
): Promise<Pick<SourceHealth, 'clockOffsetMs' | 'clockRangeMs'>> {
  const askedAt = Date.now();
  const startedAt = performance.now();
  const [row] = await connection.query<{ ms: number }>(
    'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms',
  );
  const clockRangeMs = (performance.now() - startedAt) / 2;
  return { clockOffsetMs: row!.ms - (askedAt + clockRangeMs), clockRangeMs };
}
