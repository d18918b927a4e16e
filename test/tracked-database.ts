import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { colophon } from './colophon-command.js';

/** A database of a test's own, set up by `colophon init`. */
export interface TrackedDatabase {
  readonly url: string;
  readonly storeUrl: string;
  readonly slot: string;
  /** A plain connection to the source. */
  readonly client: pg.Client;
  /** Another, after the server was restarted. */
  reconnect(): Promise<void>;
  /** The arguments by which `run` and its like find it. */
  readonly args: readonly string[];
  /** `colophon run --once`: everything that is committed by now is stored when it ends. */
  once(): Promise<void>;
  drop(): Promise<void>;
}

/** Where the store is, and by what way the command reaches both. */
export interface TrackOptions {
  /** `--tables`. */
  tables: string;
  /** Default: the source. */
  storeUrl?: string;
  /** More flags of `init`. */
  flags?: readonly string[];
}

/** Makes a database on the server with this schema and lets `colophon init` set it up. */
export async function trackDatabase(
  serverUrl: string,
  schema: string,
  options: TrackOptions,
): Promise<TrackedDatabase> {
  const url = await createDatabase(serverUrl);
  const storeUrl = options.storeUrl ?? url;
  const slot = `colophon_${new URL(url).pathname.slice(1)}`;
  let client = await connect(url);
  await client.query(schema);
  const args = ['--source', url, '--store', storeUrl, '--slot', slot];
  await colophon('init', ...args, '--tables', options.tables, '--yes', ...(options.flags ?? []));
  return {
    url,
    storeUrl,
    slot,
    get client() {
      return client;
    },
    async reconnect() {
      await client.end().catch(() => undefined);
      client = await connect(url);
    },
    args,
    once: async () => {
      await colophon('run', '--once', ...args, '--timeout', '120');
    },
    async drop() {
      await client.end();
      await dropDatabase(url);
    },
  };
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // A restart of the server is part of some tests.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
