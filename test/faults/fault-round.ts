import { runWithContext } from '@colophon/context';
import {
  createDatabase,
  dropDatabase,
  installOracle,
  type Random,
  runWorkload,
  seededRandom,
  startProxy,
  type TcpProxy,
  WORKLOAD_SCHEMA,
  WORKLOAD_TABLES,
  WORKLOAD_TABLES_OPTION,
} from '@colophon/testkit';
import pg from 'pg';
import { type ColophonProcess, startColophon } from '../colophon-command.js';
import { instrumentedPool } from '../instrumented-pool.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';

/** What a fault can lay its hands on. */
export interface Victim {
  readonly database: TrackedDatabase;
  /** The store's database, not through the proxy. */
  readonly store: pg.Client;
  readonly sourceProxy: TcpProxy;
  readonly storeProxy: TcpProxy;
  readonly random: Random;
  /** The consumer that runs just now. */
  consumer(): ColophonProcess;
  /** Starts another, when the last has ended. */
  startConsumer(): void;
}

/** What a round found, for the table. */
export interface RoundResult {
  readonly fault: string;
  readonly times: number;
  readonly transactions: number;
  readonly changes: number;
  readonly lost: number;
  readonly doubled: number;
  readonly 'wrong context': number;
  /** Rows with other values, in another order, or never committed. */
  readonly 'otherwise wrong': number;
  /** From the fault until a change is stored that was committed after it. */
  readonly 'median s to recover': number;
  readonly 'worst s to recover': number;
  readonly differences: readonly string[];
}

/** One fault, again and again, while the workload writes and the consumer runs. */
export interface FaultRound {
  fault: string;
  serverUrl: string;
  /** Default: the source's server. Always a database of its own. */
  storeServerUrl?: string;
  times: number;
  transactions: number;
  seed: number;
  /** Whether the application's connections suffer too. */
  hitsTheApplication?: boolean;
  /** Does it once. */
  strike(victim: Victim): Promise<void>;
}

const RECOVERY_TIMEOUT_MS = 60_000;

/** Runs the workload with the faults, then drains without any, and compares with the oracle. */
export async function runFaultRound(round: FaultRound): Promise<RoundResult> {
  const storeServerUrl = round.storeServerUrl ?? round.serverUrl;
  const storeUrl = await createDatabase(storeServerUrl);
  const database = await trackDatabase(round.serverUrl, WORKLOAD_SCHEMA, {
    tables: WORKLOAD_TABLES_OPTION,
    storeUrl,
  });
  const oracle = await installOracle(database.url, WORKLOAD_TABLES);
  const sourceProxy = await proxyFor(database.url);
  const storeProxy = await proxyFor(storeUrl);
  const store = new pg.Client({ connectionString: storeUrl });
  await store.connect();
  const pool = instrumentedPool({ connectionString: database.url, max: 8 });
  pool.on('error', ignore);
  const args = [
    'run',
    '--source',
    sourceProxy.url(database.url),
    '--store',
    storeProxy.url(storeUrl),
    '--slot',
    database.slot,
  ];
  let consumer = startColophon(args);
  let faultsLeft = true;
  const workload = runWorkload({
    url: database.url,
    pool,
    runInContext: runWithContext,
    transactions: round.transactions,
    seed: round.seed,
    keepGoing: () => faultsLeft,
    toleratesLostConnections: round.hitsTheApplication ?? false,
  }).finally(() => {
    faultsLeft = false;
  });
  const victim: Victim = {
    database,
    store,
    sourceProxy,
    storeProxy,
    random: seededRandom(round.seed),
    consumer: () => consumer,
    startConsumer() {
      if (!consumer.hasEnded()) throw new Error('Two consumers would run at once.');
      consumer = startColophon(args);
    },
  };
  try {
    const recoveries: number[] = [];
    const strikes = async (): Promise<void> => {
      await storedBeyond(victim, '0/0', () => faultsLeft);
      for (let i = 0; i < round.times; i++) {
        // Chance, not synchronisation: the fault may find the consumer at anything.
        await sleep(victim.random.integer(20, 500));
        await round.strike(victim);
        const startedAt = performance.now();
        const { rows } = await database.client.query('SELECT pg_current_wal_lsn()::text AS lsn');
        await storedBeyond(victim, rows[0].lsn, () => faultsLeft);
        recoveries.push((performance.now() - startedAt) / 1000);
      }
    };
    await Promise.all([
      workload,
      strikes().finally(() => {
        faultsLeft = false;
      }),
    ]);
    consumer.child.kill('SIGTERM');
    const end = await consumer.ended;
    if (end !== 0) throw new Error(`The consumer ended with ${end}: ${consumer.stderr().slice(-2000)}`);
    await database.once();
    const harvest = await oracle.harvest();
    const report = await oracle.compare(storeUrl);
    recoveries.sort((a, b) => a - b);
    return {
      fault: round.fault,
      times: recoveries.length,
      transactions: harvest.transactions,
      changes: harvest.changes,
      lost: report.lost,
      doubled: report.doubled,
      'wrong context': report.wrongContext,
      'otherwise wrong': report.wrongValue + report.outOfOrder + report.invented,
      'median s to recover': Number((recoveries[recoveries.length >> 1] ?? 0).toFixed(2)),
      'worst s to recover': Number((recoveries.at(-1) ?? 0).toFixed(2)),
      differences: report.differences,
    };
  } finally {
    faultsLeft = false;
    consumer.child.kill('SIGKILL');
    await Promise.allSettled([workload, consumer.ended]);
    await Promise.allSettled([pool.end(), store.end(), sourceProxy.close(), storeProxy.close()]);
    await slotIsFree(database);
    await database.drop();
    await dropDatabase(storeUrl);
  }
}

/** Waits until a change is stored that was committed after this position. */
async function storedBeyond(victim: Victim, lsn: string, goesOn: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + RECOVERY_TIMEOUT_MS;
  for (;;) {
    const { rows } = await victim.store.query(
      'SELECT commit_lsn > $1::pg_lsn AS beyond FROM colophon.changes ORDER BY seq DESC LIMIT 1',
      [lsn],
    );
    if (rows[0]?.beyond) return;
    const consumer = victim.consumer();
    if (consumer.hasEnded()) {
      throw new Error(`The consumer ended with ${await consumer.ended}: ${consumer.stderr().slice(-2000)}`);
    }
    if (!goesOn()) throw new Error('The workload ended before its time.');
    if (performance.now() > giveUpAt) {
      throw new Error(
        `Nothing beyond ${lsn} was stored in ${RECOVERY_TIMEOUT_MS} ms: ${consumer.stderr().slice(-2000)}`,
      );
    }
    await sleep(20);
  }
}

/** A killed consumer's walsender holds the slot until it notices. */
async function slotIsFree(database: TrackedDatabase): Promise<void> {
  for (;;) {
    const { rows } = await database.client.query(
      'SELECT active_pid FROM pg_replication_slots WHERE slot_name = $1',
      [database.slot],
    );
    if (rows[0]?.active_pid == null) return;
    await sleep(20);
  }
}

async function proxyFor(url: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(url);
  return startProxy({ host: hostname, port: Number(port) });
}

/** Waits for so many milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function ignore(): void {}
