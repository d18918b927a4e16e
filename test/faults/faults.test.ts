import { fileURLToPath } from 'node:url';
import { launchPostgres, type PostgresServer, seedFromEnvironment } from '@colophon/testkit';
import { afterAll, afterEach, expect, inject, it } from 'vitest';
import { startColophon } from '../colophon-command.js';
import { type Major, nativeDir } from '../embedded-postgres.js';
import { launchPrimaryAndStandby } from '../hot-standby.js';
import { BACKEND_FAULTS, CONSUMER_FAULTS, giveUpSoon, HALF_OPEN, NETWORK_FAULTS } from './fault.js';
import { type FaultRound, type FaultRow, runFaultRound } from './fault-round.js';
import { sourceRestarts, storeIsStandby, storeRestarts } from './server-fault.js';
import { mountSmallDisk, storeDiskFull } from './small-disk.js';

/** Kills and cuts of all rounds together: 300 and more on demand. */
const FAULTS = Number(process.env.FAULTS ?? 34);
const TIMEOUT_MS = 300_000 + FAULTS * 20_000;
/** A consumer says what happened, not how often it tried. */
const LINES_PER_STRIKE = 8;
const TAKEOVER_SECONDS = 5;

const native = nativeDir(Number(process.env.PG_MAJOR ?? 18) as Major);
const seed = seedFromEnvironment();
const table: FaultRow[] = [];
const cleanUp: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});
afterAll(() => {
  const strikes = table.reduce((sum, row) => sum + row.times, 0);
  console.log(
    `${strikes} faults on PostgreSQL ${process.env.PG_MAJOR ?? 18}; the same again: SEED=${seed} FAULTS=${FAULTS}`,
  );
  console.table(table);
});

/** This part of all strikes. */
const share = (part: number): number => Math.max(2, Math.round(FAULTS * part));

async function survive(
  round: Omit<FaultRound, 'seed' | 'serverUrl'> & { serverUrl?: string },
): Promise<void> {
  const result = await runFaultRound({ serverUrl: inject('serverUrl'), ...round, seed });
  table.push(...result.rows);
  console.log(
    `${result.strikes} faults, ${result.transactions} transactions, ${result.changes} changes, ${result.linesPerStrike.toFixed(1)} lines said a fault`,
  );
  expect(result.differences.join('\n')).toBe('');
  expect(result.otherwiseWrong).toBe(0);
  expect(result.transactions).toBeGreaterThan(round.strikes);
  expect(result.rows.reduce((sum, row) => sum + row.times, 0)).toBe(round.strikes);
  for (const row of result.rows) {
    expect(row).toMatchObject({ 'transactions lost': 0, doubled: 0, 'wrong context': 0 });
    if (row.fault.endsWith('another waits')) expect(row['worst s to recover']).toBeLessThan(TAKEOVER_SECONDS);
  }
  // Most are where they were meant to be: else the moments say nothing.
  const missed = result.rows.filter((row) => row.moment === 'any').reduce((sum, row) => sum + row.times, 0);
  expect(missed).toBeLessThanOrEqual(round.strikes / 3);
  expect(result.linesPerStrike).toBeLessThan(LINES_PER_STRIKE);
}

async function server(): Promise<PostgresServer> {
  const started = await launchPostgres({ native });
  cleanUp.push(() => started.stop());
  return started;
}

it('nothing is lost, doubled or misnamed whatever ends the consumer', { timeout: TIMEOUT_MS }, () =>
  survive({ faults: CONSUMER_FAULTS, strikes: share(0.22) }),
);

it('nor by what the network does', { timeout: TIMEOUT_MS }, () =>
  survive({ faults: NETWORK_FAULTS, strikes: share(0.22) }),
);

it('nor where backends end, and a flush between its steps', { timeout: TIMEOUT_MS }, () =>
  survive({ faults: BACKEND_FAULTS, strikes: share(0.2) }),
);

it('nor where the source restarts or crashes', { timeout: TIMEOUT_MS }, async () => {
  const source = await server();
  await survive({
    faults: sourceRestarts(source),
    strikes: share(0.08),
    serverUrl: source.url(),
    storeServerUrl: inject('serverUrl'),
    hitsTheApplication: true,
  });
});

it('nor where the store restarts, crashes, or a standby takes its place', {
  timeout: TIMEOUT_MS,
}, async () => {
  const { primary, standby, stop } = await launchPrimaryAndStandby('');
  cleanUp.push(stop);
  await survive({
    faults: [...storeRestarts(primary), storeIsStandby(primary, standby)],
    strikes: share(0.1),
    storeServerUrl: primary.url(),
  });
});

it('nor where packets are dropped silently', { timeout: TIMEOUT_MS }, () =>
  survive({
    faults: HALF_OPEN,
    strikes: share(0.08),
    prepare: (victim) => giveUpSoon(victim),
    start: (args) =>
      startColophon(args, { program: fileURLToPath(new URL('impatient-consumer.mjs', import.meta.url)) }),
  }),
);

it('nor where the disk of the store is full', { timeout: TIMEOUT_MS }, async () => {
  const disk = mountSmallDisk(256);
  cleanUp.push(() => disk.unmount());
  const store = await server();
  const { default: pg } = await import('pg');
  const admin = new pg.Client({ connectionString: store.url() });
  await admin.connect();
  await admin.query(`CREATE TABLESPACE small LOCATION '${disk.folder}'`);
  await admin.end();
  await survive({
    faults: [storeDiskFull(disk)],
    strikes: share(0.06),
    storeServerUrl: store.url(),
    tablespace: 'small',
  });
});

it('nor where the clock jumps', { timeout: TIMEOUT_MS }, () =>
  survive({
    faults: [
      {
        name: 'consumer: its clock jumps by days',
        strike: async (victim) => {
          victim.consumer().child.kill('SIGUSR2');
        },
      },
    ],
    strikes: share(0.08),
    clocksAgree: false,
    start: (args) =>
      startColophon(args, {
        env: {
          PATH: process.env.PATH,
          NODE_OPTIONS: `--import ${new URL('shift-clock.mjs', import.meta.url).href}`,
        },
      }),
  }),
);
