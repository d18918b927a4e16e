import { ColophonError } from '@colophon/protocol';
import { connectStore } from '../connection/connect-store.js';
import { storeError } from '../connection/store-error.js';
import { MIGRATIONS } from './migrations.generated.js';
import { type Queryable, readStoreVersion, STORE_VERSION, storeTooNew } from './store-version.js';

/** What `migrateStore` found and left. */
export interface MigrationResult {
  /** The store's version before; 0 where there was none. */
  readonly from: number;
  readonly to: number;
}

const OLDEST_SERVER = 140_000;

/**
 * Makes the store (schema `colophon`) in a database, or brings it up to date; changes nothing where it is. All steps are
 * one transaction, and callers at the same time wait for each other. Takes a connection URL, or a node-postgres client
 * that is in no transaction. The objects belong to whoever runs it: the client may have used `SET ROLE` before. Fails
 * with `STORE_TOO_NEW`, `UNSUPPORTED_SERVER`, `PRIVILEGE_MISSING` (CREATE on the database is needed where the schema
 * doesn't exist yet), `CONNECTION_FAILED` and its like.
 */
export async function migrateStore(target: string | Queryable): Promise<MigrationResult> {
  if (typeof target !== 'string') return migrate(target);
  const client = await connectStore({ url: target, applicationName: 'colophon migrate' });
  try {
    return await migrate(client);
  } finally {
    await client.end();
  }
}

async function migrate(client: Queryable): Promise<MigrationResult> {
  try {
    await client.query('BEGIN');
    const result = await migrateInTransaction(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw storeError(error, 'The store could not be made');
  }
}

async function migrateInTransaction(client: Queryable): Promise<MigrationResult> {
  await client.query(`SELECT pg_advisory_xact_lock(hashtext('colophon.migrations')),
    set_config('search_path', 'pg_catalog', true), set_config('TimeZone', 'UTC', true),
    set_config('statement_timeout', '0', true)`);
  const { rows } = await client.query(`SELECT current_setting('server_version_num')::int AS server,
    current_setting('server_version') AS name, to_regnamespace('colophon') IS NOT NULL AS found`);
  const { server, name, found } = rows[0] as { server: number; name: string; found: boolean };
  if (server < OLDEST_SERVER) {
    throw new ColophonError(
      'UNSUPPORTED_SERVER',
      `The store's server is PostgreSQL ${name}, wanted 14 or later; update it or name another in the URL.`,
    );
  }
  // Asked first: with IF NOT EXISTS the right to create schemas would be needed even where it exists.
  if (!found) await client.query('CREATE SCHEMA colophon');
  const from = await readStoreVersion(client);
  if (from > STORE_VERSION) throw storeTooNew(from);
  if (from === 0) {
    await client.query(`CREATE TABLE IF NOT EXISTS colophon.migrations (
      version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`);
  }
  for (const { version, sql } of MIGRATIONS) {
    if (version <= from) continue;
    await client.query(sql);
    await client.query('INSERT INTO colophon.migrations (version) VALUES ($1)', [version]);
  }
  await client.query('SELECT colophon.make_partitions()');
  return { from, to: STORE_VERSION };
}
