import type { ColophonProcess } from '../colophon-command.js';
import type { Moment } from './moment.js';
import { sleep, type Victim } from './victim.js';

/** Something that happens to a consumer. */
export interface Fault {
  readonly name: string;
  /** Only at these moments. Default: any of `MOMENTS`. */
  readonly moments?: readonly Moment[];
  /** Does it once; resolves when it is over. The consumer may be stopped (SIGSTOP). */
  strike(victim: Victim): Promise<void>;
}

/** The consumer's own end. */
export const CONSUMER_FAULTS: readonly Fault[] = [
  {
    name: 'consumer: SIGKILL',
    moments: ['idle', 'large transaction', 'catching up', 'flushing', 'unacknowledged', 'starting'],
    async strike(victim) {
      victim.consumer().child.kill('SIGKILL');
      await victim.consumer().ended;
      victim.startConsumer();
    },
  },
  { name: 'consumer: SIGTERM', strike: (victim) => askToEnd(victim, 'SIGTERM') },
  { name: 'consumer: SIGINT', strike: (victim) => askToEnd(victim, 'SIGINT') },
  {
    name: 'consumer: killed, another waits',
    async strike(victim) {
      const first = victim.consumer();
      const isPinned = victim.startConsumer('beside');
      await said(isPinned, 'waiting for it');
      first.child.kill('SIGKILL');
      await first.ended;
    },
  },
];

/** The network's, on either side. */
export const NETWORK_FAULTS: readonly Fault[] = [
  ...(['source', 'store'] as const).flatMap((side): Fault[] => [
    { name: `${side}: connections cut`, strike: async (victim) => proxyOf(victim, side).cut() },
    {
      name: `${side}: refused for a while`,
      async strike(victim) {
        const proxy = proxyOf(victim, side);
        proxy.refuse(true);
        proxy.cut();
        victim.consumer().child.kill('SIGCONT');
        await sleep(victim.random.integer(100, 1500));
        proxy.refuse(false);
      },
    },
    {
      name: `${side}: slow network`,
      async strike(victim) {
        const proxy = proxyOf(victim, side);
        proxy.slow({ delayMs: victim.random.integer(5, 40), maxBytes: 4096 });
        victim.consumer().child.kill('SIGCONT');
        await sleep(victim.random.integer(500, 1500));
        proxy.slow(null);
      },
    },
    {
      name: `${side}: stalled, then goes on`,
      async strike(victim) {
        const proxy = proxyOf(victim, side);
        proxy.pause();
        victim.consumer().child.kill('SIGCONT');
        await sleep(victim.random.integer(200, 1500));
        proxy.resume();
      },
    },
  ]),
];

/** Neither side is told, and nothing passes any more. New connections work. */
export const HALF_OPEN: readonly Fault[] = (['source', 'store'] as const).map((side) => ({
  name: `${side}: half-open`,
  strike: async (victim) => proxyOf(victim, side).freeze(),
}));

/** Lets the source give up a consumer of whom it hears nothing within two seconds: else the slot would be held for a minute. */
export async function giveUpSoon({ database, sourceProxy }: Victim): Promise<void> {
  await database.client.query(
    `ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET wal_sender_timeout = '2s'`,
  );
  sourceProxy.cut();
}

/** What happens to backends, and to a flush between its steps. */
export const BACKEND_FAULTS: readonly Fault[] = [
  {
    name: 'source: walsender terminated',
    async strike(victim) {
      await victim.database.client.query(
        'SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1',
        [victim.database.slot],
      );
    },
  },
  {
    name: 'source: catalog connection terminated',
    async strike(victim) {
      await victim.database.client.query(`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'colophon%' AND backend_type = 'client backend'`);
    },
  },
  {
    name: 'store: backend terminated',
    async strike(victim) {
      await victim.store().query(`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()`);
    },
  },
  {
    name: 'store: cut between COPY and commit',
    moments: ['flushing'],
    strike: (victim) => atTheLastStatement(victim, async () => victim.storeProxy.cut()),
  },
  {
    name: 'store: cut between commit and answer',
    moments: ['flushing'],
    strike: (victim) =>
      atTheLastStatement(victim, async (release) => {
        const versionBefore = await version(victim);
        victim.storeProxy.mute(true);
        await release();
        while ((await version(victim)) === versionBefore) await sleep(5);
        victim.storeProxy.cut();
        victim.storeProxy.mute(false);
      }),
  },
];

async function askToEnd(victim: Victim, signal: NodeJS.Signals): Promise<void> {
  const consumer = victim.consumer();
  consumer.child.kill(signal);
  consumer.child.kill('SIGCONT');
  const end = await consumer.ended;
  if (end !== 0)
    throw new Error(`${signal} ended the consumer with ${end}: ${consumer.stderr().slice(-2000)}`);
  victim.startConsumer();
}

/** Holds a flush where its records are copied and only its position isn't: then `work`, which may release it. */
async function atTheLastStatement(
  victim: Victim,
  work: (release: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const client = victim.store();
  await client.query('BEGIN');
  await client.query('SELECT FROM colophon.positions FOR UPDATE');
  let isHeld = true;
  const release = async (): Promise<void> => {
    if (isHeld) await client.query('COMMIT');
    isHeld = false;
  };
  victim.consumer().child.kill('SIGCONT');
  try {
    // Inside a transaction pg_stat_activity stands still: looked at from the source's server, where the store's may be.
    for (;;) {
      await client.query('SELECT pg_stat_clear_snapshot()');
      const { rows } = await client.query(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      );
      if (rows.length > 0) break;
      await sleep(5);
    }
    await work(release);
  } finally {
    await release();
  }
}

async function version(victim: Victim): Promise<string> {
  const { rows } = await victim.store().query('SELECT sum(version)::text AS version FROM colophon.positions');
  return rows[0].version;
}

/** Resolves when the process has said it. */
export async function said(process: ColophonProcess, text: string): Promise<void> {
  while (!process.stderr().includes(text)) {
    if (process.hasEnded()) throw new Error(`It ended without ${JSON.stringify(text)}: ${process.stderr()}`);
    await sleep(10);
  }
}

function proxyOf(victim: Victim, side: 'source' | 'store') {
  return side === 'source' ? victim.sourceProxy : victim.storeProxy;
}
