import { runWithContext } from '@colophon/context';
import { runWorkload, seededRandom } from '@colophon/testkit';
import type { ColophonProcess } from '../colophon-command.js';
import { instrumentedPool } from '../instrumented-pool.js';
import type { Fault } from './fault.js';
import { arrange, goOn, MOMENTS, type Moment } from './moment.js';
import { makeVictim, sleep, type Victim } from './victim.js';

/** A line of the table: what one fault at one moment did. Lost, doubled and wrong are those of its whole round. */
export interface FaultRow {
  readonly fault: string;
  readonly moment: Moment | 'any';
  readonly times: number;
  readonly 'transactions lost': number;
  readonly doubled: number;
  readonly 'wrong context': number;
  /** From the fault's end until a change is stored that was committed after it. */
  readonly 'median s to recover': number;
  readonly 'worst s to recover': number;
}

/** What a round found. */
export interface RoundResult {
  readonly rows: readonly FaultRow[];
  readonly strikes: number;
  readonly transactions: number;
  readonly changes: number;
  /** Rows with other values, in another order, or never committed. */
  readonly otherwiseWrong: number;
  readonly differences: readonly string[];
  /** Lines that the consumers said, for each strike. */
  readonly linesPerStrike: number;
}

/** Faults, one after the other, while the workload writes and the consumer runs. */
export interface FaultRound {
  readonly faults: readonly Fault[];
  /** So many strikes, over all combinations of fault and moment in a random order. */
  readonly strikes: number;
  readonly serverUrl: string;
  /** Default: the source's server. Always a database of its own. */
  readonly storeServerUrl?: string;
  readonly tablespace?: string;
  readonly seed: number;
  /** Whether the application's connections suffer too. */
  readonly hitsTheApplication?: boolean;
  /** Whether the consumer's clock is right. Default true. */
  readonly clocksAgree?: boolean;
  start?(args: readonly string[]): ColophonProcess;
  /** Changes what is there before anything strikes. */
  prepare?(victim: Victim): Promise<void>;
}

// A connection that dies half open while it is made is given up after 30 s, and so is a query: in the worst case one after the other.
const RECOVERY_TIMEOUT_MS = 120_000;
const WORKERS = 6;

/** Runs the workload with the faults, then drains without any, and compares with the oracle. */
export async function runFaultRound(round: FaultRound): Promise<RoundResult> {
  const { victim, rest } = await makeVictim({ ...round, workers: WORKERS });
  const pool = instrumentedPool({ connectionString: victim.database.url, max: WORKERS });
  let faultsLeft = true;
  const workload = runWorkload({
    url: victim.database.url,
    pool,
    runInContext: runWithContext,
    transactions: 50,
    workers: WORKERS,
    seed: round.seed,
    keepGoing: () => faultsLeft,
    rest,
    toleratesLostConnections: round.hitsTheApplication ?? false,
  });
  const recoveries = new Map<string, { fault: string; moment: Moment | 'any'; seconds: number[] }>();
  const strikeAll = async (): Promise<void> => {
    await storedBeyond(victim, '0/0');
    await round.prepare?.(victim);
    for (const { fault, moment } of plan(round)) {
      // Chance, not synchronisation: time for something to gather.
      await sleep(victim.random.integer(20, 200));
      const found = await arrange(victim, moment);
      await fault.strike(victim);
      const since = performance.now();
      if (!victim.consumer().hasEnded()) victim.consumer().child.kill('SIGCONT');
      await storedBeyond(victim, await mark(victim));
      const key = `${fault.name}/${found}`;
      const row = recoveries.get(key) ?? { fault: fault.name, moment: found, seconds: [] };
      row.seconds.push((performance.now() - since) / 1000);
      recoveries.set(key, row);
      await goOn(victim);
    }
  };
  try {
    await Promise.race([strikeAll(), workload.then(() => Promise.reject(new Error('The workload ended.')))]);
    faultsLeft = false;
    await workload;
    const consumer = victim.consumer();
    consumer.child.kill('SIGTERM');
    const end = await consumer.ended;
    if (end !== 0) throw new Error(`The consumer ended with ${end}: ${consumer.stderr().slice(-2000)}`);
    await victim.database.once();
    const harvest = await victim.oracle.harvest();
    const report = await victim.oracle.compare(victim.storeUrl, { clocksAgree: round.clocksAgree ?? true });
    const rows = [...recoveries.values()].map(({ fault, moment, seconds }) => {
      seconds.sort((a, b) => a - b);
      return {
        fault,
        moment,
        times: seconds.length,
        'transactions lost': report.lost,
        doubled: report.doubled,
        'wrong context': report.wrongContext,
        'median s to recover': Number(seconds[seconds.length >> 1]!.toFixed(2)),
        'worst s to recover': Number(seconds.at(-1)!.toFixed(2)),
      };
    });
    return {
      rows: rows.sort((a, b) => `${a.fault}/${a.moment}`.localeCompare(`${b.fault}/${b.moment}`)),
      strikes: round.strikes,
      transactions: harvest.transactions,
      changes: harvest.changes,
      otherwiseWrong: report.wrongValue + report.outOfOrder + report.invented,
      differences: report.differences,
      linesPerStrike: victim.linesSaid() / round.strikes,
    };
  } finally {
    faultsLeft = false;
    await goOn(victim);
    await Promise.allSettled([workload]);
    await Promise.allSettled([pool.end()]);
    await victim.drop();
  }
}

/** Every combination in a random order, again and again, until there are enough. */
function plan({ faults, strikes, seed }: FaultRound): { fault: Fault; moment: Moment }[] {
  const random = seededRandom(seed + 1);
  const planned: { fault: Fault; moment: Moment }[] = [];
  while (planned.length < strikes) {
    const left = faults.flatMap((fault) =>
      (fault.moments ?? MOMENTS).map((moment) => ({ fault, moment, at: random.next() })),
    );
    // Each fault once before any comes again, at whichever moment.
    const turns = new Map<Fault, number>();
    left.sort((a, b) => a.at - b.at);
    const ordered = left.map((one) => {
      const turn = turns.get(one.fault) ?? 0;
      turns.set(one.fault, turn + 1);
      return { ...one, turn };
    });
    planned.push(...ordered.sort((a, b) => a.turn - b.turn || a.at - b.at));
  }
  return planned.slice(0, strikes);
}

/** Commits a change of its own; gives a position before it. */
async function mark({ database }: Victim): Promise<string> {
  const { rows } = await database.client.query('SELECT pg_current_wal_insert_lsn()::text AS lsn');
  await database.client.query("INSERT INTO no_key VALUES (-1, 'marker')");
  return rows[0].lsn;
}

/** Waits until a change is stored that was committed after this position. */
async function storedBeyond(victim: Victim, lsn: string): Promise<void> {
  const giveUpAt = performance.now() + RECOVERY_TIMEOUT_MS;
  for (;;) {
    const { rows } = await victim
      .store()
      .query('SELECT commit_lsn > $1::pg_lsn AS beyond FROM colophon.changes ORDER BY seq DESC LIMIT 1', [
        lsn,
      ]);
    if (rows[0]?.beyond) return;
    const consumer = victim.consumer();
    if (consumer.hasEnded()) {
      throw new Error(`The consumer ended with ${await consumer.ended}: ${consumer.stderr().slice(-2000)}`);
    }
    if (performance.now() > giveUpAt) {
      throw new Error(
        `Nothing beyond ${lsn} was stored in ${RECOVERY_TIMEOUT_MS} ms: ${consumer.stderr().slice(-2000)}`,
      );
    }
    await sleep(10);
  }
}
