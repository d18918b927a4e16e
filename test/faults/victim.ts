import {
  createDatabase,
  dropDatabase,
  installOracle,
  type Oracle,
  type Random,
  seededRandom,
  startProxy,
  type TcpProxy,
  WORKLOAD_SCHEMA,
  WORKLOAD_TABLES,
  WORKLOAD_TABLES_OPTION,
} from '@colophon/testkit';
import pg from 'pg';
import { type ColophonProcess, startColophon } from '../colophon-command.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';

/** What a fault can lay its hands on. */
export interface Victim {
  readonly database: TrackedDatabase;
  readonly oracle: Oracle;
  readonly storeUrl: string;
  /** The store's database, not through the proxy. */
  store(): pg.Client;
  /** Another connection to it, after its server was restarted. */
  reconnectStore(): Promise<void>;
  readonly sourceProxy: TcpProxy;
  readonly storeProxy: TcpProxy;
  readonly random: Random;
  /** The consumer that runs just now. */
  consumer(): ColophonProcess;
  /** Starts another when the last has ended; with `beside` while it runs, and it is the consumer from then on. */
  startConsumer(beside?: 'beside'): ColophonProcess;
  /** Whether the workload rests. Resolves when it does. */
  rest(on: boolean): Promise<void>;
  /** How many lines all consumers have said. */
  linesSaid(): number;
  drop(): Promise<void>;
}

/** What a victim is made of. */
export interface VictimOptions {
  readonly serverUrl: string;
  /** Default: the source's server. Always a database of its own. */
  readonly storeServerUrl?: string;
  /** Of the store's database. */
  readonly tablespace?: string;
  readonly seed: number;
  readonly workers: number;
  /** The consumer: `colophon run` by default. */
  start?(args: readonly string[]): ColophonProcess;
}

/** A source with the workload's schema and an oracle, a store, a proxy before each, and a consumer. */
export async function makeVictim(
  options: VictimOptions,
): Promise<{ victim: Victim; rest(): Promise<void> | undefined }> {
  const storeServerUrl = options.storeServerUrl ?? options.serverUrl;
  const storeUrl = await createDatabase(storeServerUrl);
  if (options.tablespace !== undefined) await moveDatabase(storeServerUrl, storeUrl, options.tablespace);
  const database = await trackDatabase(options.serverUrl, WORKLOAD_SCHEMA, {
    tables: WORKLOAD_TABLES_OPTION,
    storeUrl,
  });
  const oracle = await installOracle(database.url, WORKLOAD_TABLES);
  const sourceProxy = await proxyFor(database.url);
  const storeProxy = await proxyFor(storeUrl);
  const args = [
    'run',
    '--source',
    sourceProxy.url(database.url),
    '--store',
    storeProxy.url(storeUrl),
    '--slot',
    database.slot,
  ];
  const start = options.start ?? startColophon;
  let store = await connect(storeUrl);
  const consumers = [start(args)];
  let resting: Promise<void> | undefined;
  let wake: (() => void) | undefined;
  let parked = 0;
  const victim: Victim = {
    database,
    oracle,
    storeUrl,
    store: () => store,
    async reconnectStore() {
      await store.end().catch(() => undefined);
      store = await connect(storeUrl);
    },
    sourceProxy,
    storeProxy,
    random: seededRandom(options.seed),
    consumer: () => consumers.at(-1)!,
    startConsumer(beside) {
      if (beside === undefined && !victim.consumer().hasEnded()) throw new Error('Two consumers would run.');
      const consumer = start(args);
      consumers.push(consumer);
      return consumer;
    },
    async rest(on) {
      if (!on) {
        resting = undefined;
        wake?.();
        return;
      }
      resting ??= new Promise<void>((resolve) => {
        wake = resolve;
      });
      while (parked < options.workers) await sleep(5);
    },
    linesSaid: () => consumers.reduce((sum, one) => sum + one.stderr().split('\n').length - 1, 0),
    async drop() {
      for (const consumer of consumers) consumer.child.kill('SIGKILL');
      await Promise.allSettled(consumers.map((consumer) => consumer.ended));
      await Promise.allSettled([store.end(), sourceProxy.close(), storeProxy.close()]);
      await slotIsFree(database);
      await database.drop();
      await dropDatabase(storeUrl);
    },
  };
  return {
    victim,
    rest() {
      if (resting === undefined) return;
      parked++;
      return resting.finally(() => {
        parked--;
      });
    },
  };
}

/** A killed consumer's walsender holds the slot until it notices. */
export async function slotIsFree(database: TrackedDatabase): Promise<void> {
  for (;;) {
    const { rows } = await database.client.query(
      'SELECT active_pid FROM pg_replication_slots WHERE slot_name = $1',
      [database.slot],
    );
    if (rows[0]?.active_pid == null) return;
    await sleep(20);
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function moveDatabase(serverUrl: string, url: string, tablespace: string): Promise<void> {
  const client = await connect(serverUrl);
  await client.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET TABLESPACE ${tablespace}`);
  await client.end();
}

async function proxyFor(url: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(url);
  return startProxy({ host: hostname, port: Number(port) });
}

/** Waits for so many milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
