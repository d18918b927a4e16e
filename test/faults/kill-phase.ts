import { sleep, type Victim } from './fault-round.js';

/** What a consumer was doing when it was killed. */
export type Phase = 'starting' | 'reading' | 'writing' | 'unacknowledged';

/** Every phase that a kill must hit. */
export const PHASES: readonly Phase[] = ['starting', 'reading', 'writing', 'unacknowledged'];

const ATTEMPTS = 300;

/**
 * Kills the consumer with SIGKILL and starts another. It is stopped first (SIGSTOP), so that what it is doing can be
 * looked at and is still so when it dies; where that isn't the wanted phase it goes on for a random while, and
 * is looked at again. Gives the phase in which it died: the wanted one, unless chance never offered it.
 */
export async function killInPhase(victim: Victim, wanted: Phase): Promise<Phase> {
  const random = victim.random;
  if (wanted === 'starting') {
    victim.consumer().child.kill('SIGKILL');
    await victim.consumer().ended;
    victim.startConsumer();
    await sleep(random.integer(0, 300));
  }
  let phase: Phase;
  for (let attempt = 1; ; attempt++) {
    victim.consumer().child.kill('SIGSTOP');
    phase = await phaseOf(victim);
    if (phase === wanted || wanted === 'starting' || attempt === ATTEMPTS) break;
    victim.consumer().child.kill('SIGCONT');
    await sleep(random.next() * 8);
  }
  victim.consumer().child.kill('SIGKILL');
  await victim.consumer().ended;
  victim.startConsumer();
  return phase;
}

async function phaseOf(victim: Victim): Promise<Phase> {
  const { rows: transactions } = await victim.store.query(`
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
      AND backend_xid IS NOT NULL`);
  if (transactions.length > 0) return 'writing';
  const { rows: newest } = await victim.store.query(
    'SELECT commit_lsn::text FROM colophon.changes ORDER BY seq DESC LIMIT 1',
  );
  const { rows: slots } = await victim.database.client.query(
    `SELECT active, coalesce($2::pg_lsn >= confirmed_flush_lsn, false) AS behind
     FROM pg_replication_slots WHERE slot_name = $1`,
    [victim.database.slot, newest[0]?.commit_lsn ?? null],
  );
  if (!slots[0].active) return 'starting';
  return slots[0].behind ? 'unacknowledged' : 'reading';
}
