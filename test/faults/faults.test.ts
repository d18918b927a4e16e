import { launchPostgres, seedFromEnvironment } from '@colophon/testkit';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { type Major, nativeDir } from '../embedded-postgres.js';
import { type RoundResult, runFaultRound, sleep, type Victim } from './fault-round.js';
import { killInPhase, PHASES, type Phase } from './kill-phase.js';

const KILLS = Number(process.env.KILLS ?? 24);
const TIMES = Number(process.env.FAULTS ?? 4);
const TRANSACTIONS = Number(process.env.WORKLOAD_TRANSACTIONS ?? 2000);
const FEWER = Math.ceil(TRANSACTIONS / 5);
const TIMEOUT_MS = 240_000 + TRANSACTIONS * 50 + KILLS * 10_000;

const seed = seedFromEnvironment();
const results: Omit<RoundResult, 'differences'>[] = [];

function expectEqual(result: RoundResult): void {
  const { differences, ...row } = result;
  results.push(row);
  console.log(JSON.stringify(row));
  expect(differences.join('\n')).toBe('');
  expect(row).toMatchObject({ lost: 0, doubled: 0, 'wrong context': 0, 'otherwise wrong': 0 });
}

describe('nothing is lost and nothing stored twice', () => {
  afterAll(() => {
    console.log(`SEED=${seed}`);
    console.table(results);
  });

  it(
    `while the consumer is killed ${KILLS} times`,
    async () => {
      const phases: Record<Phase, number> = { starting: 0, reading: 0, writing: 0, unacknowledged: 0 };
      let strikes = 0;
      const result = await runFaultRound({
        fault: 'SIGKILL',
        serverUrl: inject('serverUrl'),
        times: KILLS,
        transactions: TRANSACTIONS,
        seed,
        strike: async (victim) => {
          phases[await killInPhase(victim, PHASES[strikes++ % PHASES.length]!)]++;
        },
      });
      console.log(`phases in which the consumer was killed: ${JSON.stringify(phases)}`);
      expectEqual(result);
      expect(result.times).toBe(KILLS);
      expect(result.transactions).toBeGreaterThanOrEqual(TRANSACTIONS);
      for (const phase of PHASES) expect(phases[phase], phase).toBeGreaterThanOrEqual(Math.floor(KILLS / 12));
    },
    TIMEOUT_MS,
  );

  it.each<[string, (victim: Victim) => Promise<void>]>([
    ['source connection cut', async (victim) => victim.sourceProxy.cut()],
    ['store connection cut', async (victim) => victim.storeProxy.cut()],
    [
      'both refused for a while',
      async (victim) => {
        for (const proxy of [victim.sourceProxy, victim.storeProxy]) {
          proxy.refuse(true);
          proxy.cut();
        }
        await sleep(victim.random.integer(100, 1500));
        for (const proxy of [victim.sourceProxy, victim.storeProxy]) proxy.refuse(false);
      },
    ],
    [
      'walsender terminated',
      async (victim) => {
        await victim.database.client.query(
          'SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1',
          [victim.database.slot],
        );
      },
    ],
    [
      'store backend terminated',
      async (victim) => {
        await victim.store.query(`
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid()`);
      },
    ],
  ])(
    'while it happens that: %s',
    async (fault, strike) => {
      expectEqual(
        await runFaultRound({
          fault,
          serverUrl: inject('serverUrl'),
          times: TIMES,
          transactions: FEWER,
          seed,
          strike,
        }),
      );
    },
    TIMEOUT_MS,
  );

  it.each(['fast', 'immediate'] as const)(
    'while the source is restarted: %s',
    async (mode) => {
      const native = nativeDir(Number(process.env.PG_MAJOR ?? 18) as Major);
      const server = await launchPostgres({ native });
      try {
        expectEqual(
          await runFaultRound({
            fault: `source restarted (${mode})`,
            serverUrl: server.url(),
            storeServerUrl: inject('serverUrl'),
            times: Math.max(2, TIMES / 2),
            transactions: FEWER,
            seed,
            hitsTheApplication: true,
            strike: async (victim) => {
              await server.halt(mode);
              await server.restart();
              await victim.database.reconnect();
            },
          }),
        );
      } finally {
        await server.stop();
      }
    },
    TIMEOUT_MS,
  );
});
