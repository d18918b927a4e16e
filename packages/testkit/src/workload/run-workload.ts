import pg from 'pg';
import { seededRandom } from '../random.js';
import { everyType, onAClient, severalInOneText, throughThePool } from './autocommit-scenarios.js';
import { copies, generatedAndKeyless, partitions, toasted, truncates } from './bulk-scenarios.js';
import { type RunInContext, Session } from './session.js';
import { cannotBeTold, cascades, cursorsAndStreams, upserts } from './statement-scenarios.js';
import {
  chained,
  contended,
  failures,
  mixedContexts,
  repeatableRead,
  savepoints,
} from './transaction-scenarios.js';
import { type Scenario, workerState } from './worker-state.js';

/** How to run the workload. */
export interface WorkloadOptions {
  /** The source, for the connections by which the oracle is told: never instrumented. */
  url: string;
  /** The pool under test, with as many connections as there are workers. */
  pool: pg.Pool;
  runInContext: RunInContext;
  /** Goes on until so many transactions are committed that changed a tracked table, at least. */
  transactions: number;
  seed: number;
  /** Default 8. */
  workers?: number;
  /** Goes on while this is true, also after `transactions`. Default: never. */
  keepGoing?: () => boolean;
  /** Waited for before each transaction: to let the workload rest. Default: never. */
  rest?: () => Promise<void> | undefined;
  /** Whether a lost connection is part of the test: the worker connects again. Default false. */
  toleratesLostConnections?: boolean;
}

/** What was asked for; what was committed is the oracle's to say. */
export interface WorkloadResult {
  readonly runs: Readonly<Record<string, number>>;
  /** Scenarios that lost a race for a lock and were rolled back. */
  readonly lostRaces: number;
  readonly lostConnections: number;
}

/** Deadlock, lock timeout, serialization failure: the price of concurrency, not a defect. */
const LOST_RACES: ReadonlySet<string> = new Set(['40P01', '55P03', '40001']);

/** What a worker rests between transactions once there are enough of them: a slow machine shall not drown in its own work. */
const PACE_MS = 100;

/** How long after its connection's end a scenario may take to notice. */
const UNSETTLED_MS = 1000;

/** How often a worker works through the pool, without a connection of its own. */
const POOL_SHARE = 0.1;

/** Runs random transactions on several connections at once. The same seed makes the same choices in each worker. */
export async function runWorkload(options: WorkloadOptions): Promise<WorkloadResult> {
  const workers = options.workers ?? 8;
  const runs: Record<string, number> = {};
  const tally = { transactions: 0, lostRaces: 0, lostConnections: 0 };
  const failed = { error: undefined as unknown };
  const goesOn = (): boolean =>
    failed.error === undefined &&
    (tally.transactions < options.transactions || options.keepGoing?.() === true);

  const work = async (worker: number): Promise<void> => {
    const state = workerState(
      worker,
      seededRandom(options.seed * 100 + worker),
      options.pool,
      options.runInContext,
    );
    let channel: pg.Client | undefined;
    while (goesOn()) {
      if (tally.transactions >= options.transactions) await sleep(PACE_MS);
      await options.rest?.();
      let client: pg.PoolClient | undefined;
      let broken: Error | undefined;
      try {
        channel ??= await connectChannel(options.url);
        if (state.random.chance(POOL_SHARE)) {
          runs.throughThePool = (runs.throughThePool ?? 0) + 1;
          await throughThePool(state);
          tally.transactions++;
          continue;
        }
        client = await options.pool.connect();
        client.on('error', ignore);
        const { rows } = await client.query(
          "SELECT pg_backend_pid() AS pid, current_setting('server_version_num')::int AS version",
        );
        const [name, scenario] = pickScenario(state.random.next(), rows[0].version);
        runs[name] = (runs[name] ?? 0) + 1;
        const work = scenario(new Session(client, rows[0].pid, channel, options.runInContext), state);
        await (options.toleratesLostConnections ? endsWith(client, work, name) : work);
        tally.transactions++;
      } catch (error) {
        broken = error as Error;
        if (LOST_RACES.has((error as { code?: string }).code ?? '')) {
          tally.lostRaces++;
          broken = await client?.query('ROLLBACK').then(
            () => undefined,
            (lost: Error) => lost,
          );
        } else if (options.toleratesLostConnections && isLostConnection(error)) {
          tally.lostConnections++;
          await channel?.end().catch(ignore);
          channel = undefined;
          await sleep(50);
        } else {
          failed.error ??= error;
        }
      } finally {
        client?.off('error', ignore);
        client?.release(broken);
      }
    }
    await channel?.end().catch(ignore);
  };
  await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
  if (failed.error !== undefined) throw failed.error;
  return { runs, lostRaces: tally.lostRaces, lostConnections: tally.lostConnections };
}

function pickScenario(at: number, serverVersion: number): [string, Scenario] {
  const scenarios: [string, number, Scenario][] = [
    ['onAClient', 10, onAClient],
    ['everyType', 12, everyType],
    ['severalInOneText', 8, severalInOneText],
    ['mixedContexts', 16, mixedContexts],
    ['savepoints', 12, savepoints],
    ['failures', 5, failures],
    ['repeatableRead', 4, repeatableRead],
    ['chained', 5, chained],
    ['contended', 5, contended],
    ['upserts', 8, upserts(serverVersion)],
    ['cannotBeTold', 10, cannotBeTold],
    ['cursorsAndStreams', 6, cursorsAndStreams],
    ['cascades', 5, cascades],
    ['copies', 7, copies],
    ['toasted', 4, toasted],
    ['partitions', 7, partitions],
    ['truncates', 2, truncates],
    ['generatedAndKeyless', 6, generatedAndKeyless],
  ];
  let left = at * scenarios.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [name, weight, scenario] of scenarios) {
    left -= weight;
    if (left < 0) return [name, scenario];
  }
  throw new Error(`No scenario at ${at}.`);
}

async function connectChannel(url: string): Promise<pg.Client> {
  const channel = new pg.Client({
    connectionString: url,
    application_name: 'oracle',
    options: '-c synchronous_commit=off',
  });
  channel.on('error', ignore);
  await channel.connect();
  return channel;
}

function isLostConnection(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  if (code !== undefined && /^(08|57P0|ECONN|EPIPE|XX000)/.test(code)) return true;
  return /Connection terminated|not queryable|socket|timeout exceeded/i.test(message ?? '');
}

/**
 * pg-cursor's `close`, on a connection that is gone, never answers (without Colophon just so): what is still unsettled
 * a while after the connection's end counts as lost with it.
 */
function endsWith(client: pg.PoolClient, work: Promise<void>, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const onEnd = (): void => {
      timer = setTimeout(() => {
        reject(new Error(`Connection terminated during ${name}`));
      }, UNSETTLED_MS);
    };
    client.once('end', onEnd);
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      client.off('end', onEnd);
    });
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function ignore(): void {}
