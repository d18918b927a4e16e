import { ColophonError } from '@colophon/protocol';
import pg from 'pg';
import { connectStore } from '../connection/connect-store.js';
import { errorState, storeError } from '../connection/store-error.js';
import { CLOSE_NEW, CLOSE_SCHEMA, NOTE_OBJECTS, renewRightsSql } from '../rights/grant-rights.js';
import { handOver, mayBecome, prepareOwner, readOwner, type StoreOwner } from '../rights/store-owner.js';
import { MIGRATIONS } from './migrations.generated.js';
import { type Queryable, readStoreVersion, STORE_VERSION, storeTooNew } from './store-version.js';

/** What `migrateStore` found and left. */
export interface MigrationResult {
  /** The store's version before; 0 where there was none. */
  readonly from: number;
  readonly to: number;
  /** Who owns it now. */
  readonly owner: StoreOwner;
}

/** How `migrateStore` goes about it. */
export interface MigrateOptions {
  /**
   * A role that can't log in, to own the store: made where it isn't there, as far as the caller may, and given a store that
   * somebody else owns. Where that can't be, the store is made all the same and `owner.reason` says why. Default: the
   * store stays whose it is; a new one is the caller's.
   */
  readonly owner?: string;
}

const OLDEST_SERVER = 140_000;
// Whoever reads or stores meanwhile waits behind a lock that we wait for, also after we are gone.
const LOCK_TIMEOUT = '2s';
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Makes the store (schema `colophon`) in a database, or brings it up to date; changes nothing where it is. All steps are
 * one transaction, and callers at the same time wait for each other. Takes a connection URL, or a node-postgres client
 * that is in no transaction; the client may have used `SET ROLE` before. What it makes belongs to the store's owner, and
 * nobody else has a right to it until he is granted it; roles with rights in it get what is new. Fails with `LOCK_TIMEOUT` (retryable: who reads
 * or stores is not kept waiting for longer than two seconds), `STORE_TOO_NEW`, `UNSUPPORTED_SERVER`, `PRIVILEGE_MISSING` (CREATE on the database is needed where the schema
 * doesn't exist yet), `CONNECTION_FAILED` and its like.
 */
export async function migrateStore(
  target: string | Queryable,
  options: MigrateOptions = {},
): Promise<MigrationResult> {
  if (typeof target !== 'string') return migrate(target, options);
  const client = await connectStore({ url: target, applicationName: 'colophon migrate' });
  try {
    return await migrate(client, options);
  } finally {
    await client.end();
  }
}

async function migrate(client: Queryable, options: MigrateOptions): Promise<MigrationResult> {
  try {
    // Each statement is to see what was committed while the one before it waited.
    await client.query('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE');
    const result = await migrateInTransaction(client, options);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw storeError(error, 'The store could not be made');
  }
}

async function migrateInTransaction(client: Queryable, options: MigrateOptions): Promise<MigrationResult> {
  await client.query(`SELECT pg_advisory_xact_lock(hashtext('colophon.migrations')),
    set_config('search_path', 'pg_catalog', true), set_config('TimeZone', 'UTC', true),
    set_config('statement_timeout', '0', true)`);
  // Only now: others that migrate may take their time.
  await client.query(`SELECT set_config('lock_timeout', '${LOCK_TIMEOUT}', true)`);
  const { rows } = await client.query(`SELECT current_setting('server_version_num')::int AS server,
    current_setting('server_version') AS name, to_regnamespace('colophon') IS NOT NULL AS found`);
  const { server, name, found } = rows[0] as { server: number; name: string; found: boolean };
  if (server < OLDEST_SERVER) {
    throw new ColophonError(
      'UNSUPPORTED_SERVER',
      `The store's server is PostgreSQL ${name}, wanted 14 or later; update it or name another in the URL.`,
    );
  }
  const owner = await chooseOwner(client, found, options.owner);
  if (await mayBecome(client, owner.name)) {
    await client.query(`SET LOCAL ROLE ${pg.escapeIdentifier(owner.name)}`);
  }
  const from = await readStoreVersion(client);
  if (from > STORE_VERSION) throw storeTooNew(from);
  await client.query(NOTE_OBJECTS);
  if (from === 0) {
    await client.query(`CREATE TABLE IF NOT EXISTS colophon.migrations (
      version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`);
  }
  for (const { version, sql } of MIGRATIONS) {
    if (version <= from) continue;
    await client.query(sql);
    await client.query('INSERT INTO colophon.migrations (version) VALUES ($1)', [version]);
  }
  if (from < STORE_VERSION) {
    await client.query(CLOSE_NEW);
    await client.query(renewRightsSql());
  }
  await makePartitions(client);
  return { from, to: STORE_VERSION, owner };
}

/** Where somebody holds the lock the month waits for `run`: nothing depends on it. */
async function makePartitions(client: Queryable): Promise<void> {
  await client.query('SAVEPOINT colophon_partitions');
  try {
    await client.query('SELECT colophon.make_partitions()');
  } catch (error) {
    if (errorState(error) !== LOCK_NOT_AVAILABLE) throw error;
    await client.query('ROLLBACK TO SAVEPOINT colophon_partitions');
  }
}

/** Makes the schema where there is none, and sees to it that its owner is the one asked for. */
async function chooseOwner(client: Queryable, isFound: boolean, wanted?: string): Promise<StoreOwner> {
  const reason = wanted === undefined ? null : await prepareOwner(client, wanted);
  const isReady = wanted !== undefined && reason === null;
  // Asked first: with IF NOT EXISTS the right to create schemas would be needed even where it exists.
  if (!isFound) {
    await client.query(
      `CREATE SCHEMA colophon${isReady ? ` AUTHORIZATION ${pg.escapeIdentifier(wanted)}` : ''}`,
    );
    await client.query(CLOSE_SCHEMA);
  }
  const before = (await readOwner(client))!;
  if (!isReady || before.name === wanted)
    return { ...before, reason: before.name === wanted ? null : reason };
  if (!(await mayBecome(client, before.name))) {
    return {
      ...before,
      reason: `the store belongs to ${before.name}: run init once as that role, or as a superuser`,
    };
  }
  await handOver(client, wanted);
  return { name: wanted, canLogIn: false, reason: null };
}
