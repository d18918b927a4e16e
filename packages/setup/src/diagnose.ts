import { type Check, fail, ok, warn } from './check.js';
import { diagnoseDdl } from './diagnose-ddl.js';
import { diagnoseFailover } from './diagnose-failover.js';
import { diagnosePublication } from './diagnose-publication.js';
import { diagnoseSlot } from './diagnose-slot.js';
import { diagnoseTables } from './diagnose-tables.js';
import { diagnoseVersion } from './diagnose-version.js';
import { formatBytes } from './format-bytes.js';
import type { SourceNames } from './names.js';
import { quoteIdentifier } from './quote.js';
import type { ServerState, SourceState } from './source-state.js';

/** Looks at everything that the source needs for auditing; `wantsDdl`: whether DDL is to be recorded. Pure. */
export function diagnose(state: SourceState, names: SourceNames, wantsDdl = true): Check[] {
  return [
    diagnoseVersion(state.server),
    diagnoseWalLevel(state.server),
    diagnoseRole(state),
    ...diagnoseLimits(state),
    ...diagnosePublication(state, names),
    diagnoseSlot(state, names),
    ...diagnoseFailover(state, names),
    diagnoseRetention(state.server),
    diagnoseDdl(state.ddl, wantsDdl),
    ...(state.publication === null ? [] : diagnoseTables(state, state.publication)),
  ];
}

function diagnoseWalLevel({ isStandby, walLevel }: ServerState): Check {
  if (isStandby) {
    return fail(
      'wal_level',
      'UNSUPPORTED_SERVER',
      'the server is a standby, wanted the primary',
      'give the URL of the primary',
    );
  }
  if (walLevel === 'logical') return ok('wal_level', 'logical');
  return fail(
    'wal_level',
    'WAL_LEVEL',
    `${walLevel}, wanted logical`,
    "ALTER SYSTEM SET wal_level = 'logical', then restart PostgreSQL",
  );
}

function diagnoseRole({ role }: SourceState): Check {
  if (role.canReplicate) return ok('role', `${role.name} may replicate`);
  return fail(
    'role',
    'PRIVILEGE_MISSING',
    `${role.name} has no REPLICATION right`,
    `ALTER ROLE ${quoteIdentifier(role.name)} REPLICATION (as a superuser)`,
  );
}

function diagnoseLimits({ server, slot }: SourceState): Check[] {
  const slots = `${server.usedSlots} of ${server.maxSlots} replication slots in use`;
  const senders = `${server.usedSenders} of ${server.maxSenders} WAL senders in use`;
  const hasSlot = slot !== null || server.usedSlots < server.maxSlots;
  const hasSender = slot?.isActive === true || server.usedSenders < server.maxSenders;
  return [
    hasSlot
      ? ok('slots', slots)
      : fail('slots', 'NO_FREE_SLOT', slots, 'drop a slot that nobody needs, or raise max_replication_slots'),
    hasSender ? ok('senders', senders) : fail('senders', 'NO_FREE_SLOT', senders, 'raise max_wal_senders'),
  ];
}

function diagnoseRetention(server: ServerState): Check {
  const name = 'wal retention';
  if (server.idleSlotTimeoutSeconds > 0) {
    return warn(
      name,
      `idle_replication_slot_timeout is ${server.idleSlotTimeoutSeconds} s: a consumer that is stopped longer loses its place`,
      'set it to 0, or longer than any stop of colophon run',
    );
  }
  if (server.maxSlotWalKeepBytes >= 0) {
    const limit = formatBytes(server.maxSlotWalKeepBytes);
    return ok(name, `max_slot_wal_keep_size is ${limit}: a consumer further behind loses its place`);
  }
  return warn(
    name,
    'max_slot_wal_keep_size is -1: while colophon run is stopped, WAL grows until the disk is full',
    'set max_slot_wal_keep_size to what the disk can spare',
  );
}
