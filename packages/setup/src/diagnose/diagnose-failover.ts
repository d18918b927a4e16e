import type { SourceNames } from '../names.js';
import type { Provider } from '../provider/provider.js';
import { FAILOVER_SLOTS_SINCE, type ServerState, type SourceState } from '../source-state.js';
import { type Check, found, ok } from './check.js';
import { inWords } from './fix.js';

/** Looks at what becomes of the slot when a standby takes over; nothing where there is neither slot nor standby. */
export function diagnoseFailover(
  { server, slot }: SourceState,
  names: SourceNames,
  provider: Provider,
): Check[] {
  if (slot === null) return [];
  if (slot.isFailover === true) {
    const held = holdingUp(server);
    if (held.length === 0) {
      return [
        ok('failover', `${names.slot} is a failover slot: standbys with sync_replication_slots keep it`),
      ];
    }
    const others = server.synchronizedStandbySlots.filter((name) => !held.some((each) => each.name === name));
    const { remedy, fix } = provider.setting({
      name: 'synchronized_standby_slots',
      value: others.join(', '),
      needsRestart: false,
    });
    return [
      found(
        'failover.held',
        `synchronized_standby_slots names ${held.map((each) => `${each.name} (${each.why})`).join(', ')}: until that standby follows, the server gives ${names.slot} nothing`,
        { remedy: `start that standby, or: ${remedy}`, fix },
      ),
    ];
  }
  if (server.standbySlots.length === 0) return [];
  const standbys = server.standbySlots.map((standby) => standby.name).join(', ');
  const message = `${names.slot} isn't kept by standbys (${standbys}): after a failover its place is lost`;
  if (server.major < FAILOVER_SLOTS_SINCE) {
    const remedy = `PostgreSQL ${FAILOVER_SLOTS_SINCE} or newer keeps it; until then run colophon init after a failover`;
    return [found('failover.unkept', message, inWords(remedy))];
  }
  const command = `psql 'dbname=${server.database} replication=database' -c 'ALTER_REPLICATION_SLOT ${names.slot} (FAILOVER)'`;
  return [
    found('failover.unkept', message, {
      remedy: `with colophon run stopped: ${command}`,
      fix: { command: [command] },
    }),
  ];
}

/** The standbys that a failover slot would wait for without end. */
function holdingUp({ synchronizedStandbySlots, standbySlots }: ServerState): { name: string; why: string }[] {
  return synchronizedStandbySlots.flatMap((name) => {
    const standby = standbySlots.find((each) => each.name === name);
    if (standby === undefined) return [{ name, why: 'there is no such slot' }];
    return standby.isActive ? [] : [{ name, why: 'nobody follows by it' }];
  });
}
