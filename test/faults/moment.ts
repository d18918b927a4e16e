import { sleep, slotIsFree, type Victim } from './victim.js';

/**
 * What a consumer is doing when a fault strikes.
 *
 * - `idle`: everything is stored and acknowledged, and nobody writes.
 * - `large transaction`: one of several batches is half with the store, nothing else is there to be stored.
 * - `catching up`: it was held for a while, and reads what gathered meanwhile.
 * - `flushing`: the store's backend is in a transaction that writes.
 * - `unacknowledged`: something is stored, and the source doesn't know.
 * - `starting`: the process was just begun.
 */
export type Moment =
  | 'idle'
  | 'large transaction'
  | 'catching up'
  | 'flushing'
  | 'unacknowledged'
  | 'starting';

/** Every moment at which any fault can strike. */
export const MOMENTS: readonly Moment[] = ['idle', 'large transaction', 'catching up', 'flushing'];

const ATTEMPTS = 400;
const LARGE_ROWS = 2_600;
const GIVE_UP_MS = 60_000;
let largeFrom = 9_000_000_000_000;

/**
 * Brings the consumer to this moment. It is stopped (SIGSTOP) to be looked at; where it has to stay so, it is left stopped
 * for the fault, and continued by `goOn`. Gives the moment it really is at: the wanted one, unless chance never offered it.
 */
export async function arrange(victim: Victim, wanted: Moment): Promise<Moment | 'any'> {
  switch (wanted) {
    case 'idle':
      await victim.rest(true);
      await untilStored(victim);
      return 'idle';
    case 'large transaction': {
      await victim.rest(true);
      await untilStored(victim);
      await writeLarge(victim);
      return (await pin(victim, () => isWriting(victim))) ? wanted : 'any';
    }
    case 'catching up':
      victim.consumer().child.kill('SIGSTOP');
      await sleep(victim.random.integer(200, 600));
      victim.consumer().child.kill('SIGCONT');
      await sleep(victim.random.integer(0, 60));
      return wanted;
    case 'flushing':
      return (await pin(victim, () => isWriting(victim))) ? wanted : 'any';
    case 'unacknowledged':
      return (await pin(victim, () => isUnacknowledged(victim))) ? wanted : 'any';
    case 'starting':
      victim.consumer().child.kill('SIGKILL');
      await victim.consumer().ended;
      await slotIsFree(victim.database);
      victim.startConsumer();
      await sleep(victim.random.integer(0, 300));
      return wanted;
  }
}

/** Lets consumer and workload go on. */
export async function goOn(victim: Victim): Promise<void> {
  if (!victim.consumer().hasEnded()) victim.consumer().child.kill('SIGCONT');
  await victim.rest(false);
}

/** Stops the consumer where the condition holds; it goes on for a random while between two looks. */
async function pin(victim: Victim, isThere: () => Promise<boolean>): Promise<boolean> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    victim.consumer().child.kill('SIGSTOP');
    if (await isThere()) return true;
    victim.consumer().child.kill('SIGCONT');
    await sleep(victim.random.next() * 8);
  }
  return false;
}

async function writeLarge({ database, random }: Victim): Promise<void> {
  largeFrom += 10_000;
  await database.client.query(
    `INSERT INTO item (id, name) SELECT $1::bigint + i, repeat(md5((i + $2)::text), 110) FROM generate_series(1, ${LARGE_ROWS}) i`,
    [largeFrom, random.integer(0, 1_000_000)],
  );
}

/** Until the source was told that everything up to now is stored: nobody else writes, so the last change tells. */
async function untilStored({ database }: Victim): Promise<void> {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  const { rows: now } = await database.client.query('SELECT pg_current_wal_insert_lsn()::text AS lsn');
  await database.client.query("INSERT INTO no_key VALUES (-1, 'marker')");
  for (;;) {
    const { rows } = await database.client.query(
      'SELECT active AND confirmed_flush_lsn > $2 AS is_stored FROM pg_replication_slots WHERE slot_name = $1',
      [database.slot, now[0].lsn],
    );
    if (rows[0].is_stored) return;
    if (performance.now() > giveUpAt) throw new Error(`The consumer did not catch up in ${GIVE_UP_MS} ms.`);
    await sleep(10);
  }
}

async function isWriting(victim: Victim): Promise<boolean> {
  const { rows } = await victim.store().query(`
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
      AND backend_xid IS NOT NULL`);
  return rows.length > 0;
}

async function isUnacknowledged(victim: Victim): Promise<boolean> {
  const { rows: newest } = await victim
    .store()
    .query('SELECT commit_lsn::text FROM colophon.changes ORDER BY seq DESC LIMIT 1');
  const { rows: slots } = await victim.database.client.query(
    `SELECT active AND coalesce($2::pg_lsn >= confirmed_flush_lsn, false) AS is_behind
     FROM pg_replication_slots WHERE slot_name = $1`,
    [victim.database.slot, newest[0]?.commit_lsn ?? null],
  );
  return slots[0].is_behind && !(await isWriting(victim));
}
