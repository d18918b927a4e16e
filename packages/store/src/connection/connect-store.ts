import { connectClient, endClient } from '@colophon/protocol';
import pg from 'pg';
import { storeError } from './store-error.js';

/** How a connection to the store is opened. */
export interface ConnectOptions {
  readonly url: string;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
  /** Default 10,000. */
  readonly connectTimeoutMs?: number;
}

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;

// Set after connecting, not as startup options, which poolers refuse. Whatever the role or the database says by
// ALTER … SET: a timeout would cut a long COPY; a serializable position could not be compared; a read-only default or
// another search path would be somebody's surprise. Planning of the view is worth no JIT. A machine that is gone must not
// hold its open transaction for the two hours that systems take by default: the next consumer would wait for it. synchronous_commit is only
// raised: what is acknowledged to the source must be on the store's disk, and a stricter setting is the operator's.
const SESSION = `SELECT
  set_config('search_path', 'pg_catalog', false),
  set_config('TimeZone', 'UTC', false),
  set_config('DateStyle', 'ISO', false),
  set_config('IntervalStyle', 'postgres', false),
  set_config('standard_conforming_strings', 'on', false),
  set_config('statement_timeout', '0', false),
  set_config('lock_timeout', '0', false),
  set_config('idle_in_transaction_session_timeout', '0', false),
  set_config('idle_session_timeout', '0', false),
  set_config('tcp_keepalives_idle', '20', false),
  set_config('tcp_keepalives_interval', '5', false),
  set_config('tcp_keepalives_count', '4', false),
  set_config('default_transaction_isolation', 'read committed', false),
  set_config('default_transaction_read_only', 'off', false),
  set_config('default_transaction_deferrable', 'off', false),
  set_config('jit', 'off', false),
  set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
    ELSE current_setting('synchronous_commit') END, false),
  CASE WHEN current_setting('server_version_num')::int >= 170000
    THEN set_config('transaction_timeout', '0', false) END`;

/** A connection to the store's database, with settings that no role's or database's own can change. */
export async function connectStore(options: ConnectOptions): Promise<pg.Client> {
  let client: pg.Client;
  try {
    client = new pg.Client(clientConfig(options));
    // Until somebody else listens: an unheard 'error' would end the process.
    client.on('error', () => {});
    await connectClient(client, 'The store');
  } catch (error) {
    throw storeError(error, 'The store cannot be reached', false);
  }
  try {
    await client.query({ text: SESSION, query_timeout: timeoutOf(options) } as pg.QueryConfig);
  } catch (error) {
    await endClient(client);
    throw storeError(error, 'The store cannot be reached', false);
  }
  return client;
}

/** Connections to the store's database, made as they are needed, with the same settings. */
export function createStorePool(options: ConnectOptions & { readonly max: number }): pg.Pool {
  const pool = new pg.Pool({
    ...clientConfig(options),
    max: options.max,
    onConnect: async (client) => {
      await client.query(SESSION);
    },
  });
  // An idle connection that is lost is replaced when the next is needed.
  pool.on('error', () => {});
  return pool;
}

function clientConfig(options: ConnectOptions): pg.ClientConfig {
  return {
    connectionString: options.url,
    application_name: options.applicationName,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: timeoutOf(options),
  };
}

function timeoutOf(options: ConnectOptions): number {
  return options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
}
