import { quoteIdentifier } from '@colophon/protocol';
import { formatBytes } from '../format-bytes.js';
import type { Provider } from '../provider/provider.js';
import type { ServerState, SourceState } from '../source-state.js';
import { type Check, found, ok } from './check.js';
import { inWords, runSql } from './fix.js';
import type { SourceHealth } from './source-health.js';

const MORE = 10;
/** Twice the time that a batch may take to be stored before somebody should know. */
const SHORT_SENDER_TIMEOUT_MS = 10_000;
const GIBIBYTE = 1024 ** 3;

/** Looks at the server's settings without which nothing is read. */
export function diagnoseWalLevel({ isStandby, walLevel }: ServerState, provider: Provider): Check {
  if (isStandby) {
    return found(
      'wal_level.standby',
      'the server is a standby, wanted the primary',
      inWords('give the URL of the primary'),
    );
  }
  if (walLevel === 'logical') return ok('wal_level', 'logical');
  return found(
    'wal_level.low',
    `${walLevel}, wanted logical`,
    provider.setting({ name: 'wal_level', value: 'logical', needsRestart: true }),
  );
}

/** Whether there is a slot and a sender left for `run`. */
export function diagnoseRoom({ server, slot }: SourceState, provider: Provider): Check[] {
  const slots = `${server.usedSlots} of ${server.maxSlots} replication slots in use`;
  const senders = `${server.usedSenders} of ${server.maxSenders} WAL senders in use`;
  const hasSlot = slot !== null || server.usedSlots < server.maxSlots;
  const hasSender = slot?.isActive === true || server.usedSenders < server.maxSenders;
  const raise = (name: string, value: number) =>
    provider.setting({ name, value: String(value), needsRestart: true });
  return [
    hasSlot
      ? ok('slots', slots)
      : found('slots.full', slots, orDrop(raise('max_replication_slots', server.maxSlots + MORE))),
    hasSender
      ? ok('senders', senders)
      : found('senders.full', senders, raise('max_wal_senders', server.maxSenders + MORE)),
  ];
}

function orDrop(advice: ReturnType<Provider['setting']>): ReturnType<Provider['setting']> {
  return {
    ...advice,
    remedy: `${advice.remedy} (or drop a slot that nobody needs: pg_drop_replication_slot)`,
  };
}

/** Whether the server gives a slot up, or keeps its log without end. */
export function diagnoseRetention({ server, slot }: SourceState, provider: Provider): Check {
  const name = 'wal retention';
  if (server.idleSlotTimeoutSeconds > 0) {
    return found(
      'retention.idle',
      `idle_replication_slot_timeout is ${server.idleSlotTimeoutSeconds} s: a consumer that is stopped longer loses its place`,
      provider.setting({ name: 'idle_replication_slot_timeout', value: '0', needsRestart: false }),
    );
  }
  if (server.maxSlotWalKeepBytes >= 0) {
    const limit = formatBytes(server.maxSlotWalKeepBytes);
    return ok(name, `max_slot_wal_keep_size is ${limit}: a consumer further behind loses its place`);
  }
  // Less than is kept already would lose the slot at once.
  const gigabytes = Math.max(MORE, 2 * Math.ceil((slot?.retainedBytes ?? 0) / GIBIBYTE));
  const advice = provider.setting({
    name: 'max_slot_wal_keep_size',
    value: `${gigabytes}GB`,
    needsRestart: false,
  });
  return found(
    'retention.unlimited',
    'max_slot_wal_keep_size is -1: while colophon run is stopped, WAL grows until the disk is full',
    { ...advice, remedy: `${advice.remedy} (or what the disk can spare)` },
  );
}

/** Whether the server is too quick to cut the stream. Any role may set it for itself. */
export function diagnoseSenderTimeout({ role }: SourceState, { walSenderTimeoutMs }: SourceHealth): Check {
  const text = `wal_sender_timeout is ${walSenderTimeoutMs / 1000} s`;
  if (walSenderTimeoutMs === 0 || walSenderTimeoutMs >= SHORT_SENDER_TIMEOUT_MS) {
    return ok('sender timeout', walSenderTimeoutMs === 0 ? 'wal_sender_timeout is off' : text);
  }
  return found(
    'sender-timeout.short',
    text,
    runSql([`ALTER ROLE ${quoteIdentifier(role.name)} SET wal_sender_timeout = '60s'`], role.name),
  );
}
