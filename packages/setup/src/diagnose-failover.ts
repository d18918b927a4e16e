import { type Check, ok, warn } from './check.js';
import type { SourceNames } from './names.js';
import { FAILOVER_SLOTS_SINCE, type ServerState, type SourceState } from './source-state.js';

/** Looks at what becomes of the slot when a standby takes over; nothing where there is neither slot nor standby. */
export function diagnoseFailover({ server, slot }: SourceState, names: SourceNames): Check[] {
  const name = 'failover';
  if (slot === null) return [];
  const checks: Check[] = [];
  if (slot.isFailover === true) {
    const held = holdingUp(server);
    if (held.length > 0) {
      checks.push(
        warn(
          name,
          `synchronized_standby_slots names ${held.join(', ')}: until that standby follows, the server gives ${names.slot} nothing`,
          'start that standby, or take it out of synchronized_standby_slots and reload',
        ),
      );
    } else
      checks.push(ok(name, `${names.slot} is a failover slot: standbys with sync_replication_slots keep it`));
    return checks;
  }
  if (server.standbySlots.length === 0) return checks;
  const standbys = server.standbySlots.map((standby) => standby.name).join(', ');
  const message = `${names.slot} isn't kept by standbys (${standbys}): after a failover its place is lost`;
  checks.push(
    server.major >= FAILOVER_SLOTS_SINCE
      ? warn(
          name,
          message,
          `with colophon run stopped: psql 'dbname=${server.database} replication=database' -c 'ALTER_REPLICATION_SLOT ${names.slot} (FAILOVER)'`,
        )
      : warn(
          name,
          message,
          `PostgreSQL ${FAILOVER_SLOTS_SINCE} or newer keeps it; until then run colophon init after a failover`,
        ),
  );
  return checks;
}

/** The standbys that a failover slot would wait for without end. */
function holdingUp({ synchronizedStandbySlots, standbySlots }: ServerState): string[] {
  return synchronizedStandbySlots.flatMap((wanted) => {
    const standby = standbySlots.find((each) => each.name === wanted);
    if (standby === undefined) return [`${wanted} (there is no such slot)`];
    return standby.isActive ? [] : [`${wanted} (nobody follows by it)`];
  });
}
