import { ColophonError } from '@colophon/protocol';
import { checkSlot } from './check-slot.js';
import { diagnoseTables } from './diagnose-tables.js';
import type { SourceNames } from './names.js';
import { quoteIdentifier } from './quote.js';
import type { PublicationState, ServerState, SlotState, SourceState } from './source-state.js';

/** One thing that doctor looked at. */
export interface Check {
  /** Short and stable, for programs: `wal_level`, `slot`, … */
  readonly name: string;
  /** `warn` works today but will hurt; `fail` doesn't work. */
  readonly verdict: 'ok' | 'warn' | 'fail';
  /** What was seen, and against what. */
  readonly message: string;
  /** What to do; null where it is ok. */
  readonly remedy: string | null;
}

const GIBIBYTE = 1024 ** 3;

/** A check that is fine. */
export function ok(name: string, message: string): Check {
  return { name, verdict: 'ok', message, remedy: null };
}

/** Looks at everything that the source needs for auditing. Pure. */
export function diagnose(state: SourceState, names: SourceNames): Check[] {
  return [
    ok('version', `PostgreSQL ${state.server.version}`),
    diagnoseWalLevel(state.server),
    diagnoseRole(state),
    ...diagnoseLimits(state),
    ...diagnosePublication(state, names),
    diagnoseSlot(state, names),
    diagnoseRetention(state.server),
    ...(state.publication === null ? [] : diagnoseTables(state, state.publication)),
  ];
}

function diagnoseWalLevel(server: ServerState): Check {
  if (server.isStandby) {
    return {
      name: 'wal_level',
      verdict: 'fail',
      message: 'the server is a standby, wanted the primary',
      remedy: 'give the URL of the primary',
    };
  }
  if (server.walLevel === 'logical') return ok('wal_level', 'logical');
  return {
    name: 'wal_level',
    verdict: 'fail',
    message: `${server.walLevel}, wanted logical`,
    remedy: "ALTER SYSTEM SET wal_level = 'logical', then restart PostgreSQL",
  };
}

function diagnoseRole({ role }: SourceState): Check {
  if (role.canReplicate) return ok('role', `${role.name} may replicate`);
  return {
    name: 'role',
    verdict: 'fail',
    message: `${role.name} has no REPLICATION right`,
    remedy: `ALTER ROLE ${quoteIdentifier(role.name)} REPLICATION (as a superuser)`,
  };
}

function diagnoseLimits({ server, slot }: SourceState): Check[] {
  const slots = `${server.usedSlots} of ${server.maxSlots} replication slots in use`;
  const senders = `${server.usedSenders} of ${server.maxSenders} WAL senders in use`;
  return [
    slot !== null || server.usedSlots < server.maxSlots
      ? ok('slots', slots)
      : {
          name: 'slots',
          verdict: 'fail',
          message: slots,
          remedy: 'drop a slot that nobody needs, or raise max_replication_slots',
        },
    slot?.isActive === true || server.usedSenders < server.maxSenders
      ? ok('senders', senders)
      : { name: 'senders', verdict: 'fail', message: senders, remedy: 'raise max_wal_senders' },
  ];
}

function diagnosePublication(state: SourceState, names: SourceNames): Check[] {
  const { publication } = state;
  if (publication === null) {
    return [
      {
        name: 'publication',
        verdict: 'fail',
        message: `there is no publication ${names.publication}`,
        remedy:
          state.slot === null
            ? 'colophon init'
            : 'colophon drop, then colophon init: a slot cannot read a publication made after it',
      },
    ];
  }
  const faults = publicationFaults(publication);
  if (faults.length === 0)
    return [ok('publication', `${names.publication}, ${publication.tables.length} entries`)];
  return faults.map(([message, remedy]) => ({
    name: 'publication',
    verdict: 'fail',
    message: `${names.publication} ${message}`,
    remedy,
  }));
}

function publicationFaults(publication: PublicationState): [message: string, remedy: string][] {
  const faults: [string, string][] = [];
  const init =
    publication.memory?.isOurs === true ? 'colophon init' : 'colophon init with another --publication';
  if (publication.isForAllTables) {
    faults.push([
      'is FOR ALL TABLES: updates of tables without a key fail',
      'colophon init with another --publication',
    ]);
  }
  if (publication.missingOperations.length > 0) {
    faults.push([`doesn't publish ${publication.missingOperations.join(', ')}`, init]);
  }
  if (publication.isViaRoot)
    faults.push([
      'has publish_via_partition_root = true: rows of partitions come without what they were',
      init,
    ]);
  if (publication.publishesStoredColumns === false) {
    faults.push([
      "has publish_generated_columns = 'none': updates of tables with identity FULL and generated columns fail",
      init,
    ]);
  }
  if (publication.tables.some((table) => table.hasRowFilter || table.hasColumnList)) {
    faults.push([
      'has row filters or column lists: changes are missing or cut',
      'ALTER PUBLICATION … SET TABLE without them',
    ]);
  }
  if (publication.tables.length === 0 && publication.schemas.length === 0 && !publication.isForAllTables) {
    faults.push(['publishes no table', 'colophon init --tables …']);
  }
  return faults;
}

function diagnoseSlot(state: SourceState, names: SourceNames): Check {
  const { slot } = state;
  if (slot === null) {
    return {
      name: 'slot',
      verdict: 'fail',
      message: `there is no replication slot ${names.slot}`,
      remedy: 'colophon init',
    };
  }
  try {
    checkSlot(slot, names.slot, state.server.database);
  } catch (error) {
    const message = error instanceof ColophonError ? error.message : String(error);
    const split = message.lastIndexOf(': ');
    return {
      name: 'slot',
      verdict: 'fail',
      message: message.slice(0, split),
      remedy: message.slice(split + 2).replace(/\.$/, ''),
    };
  }
  return diagnoseLag(slot, names.slot);
}

function diagnoseLag(slot: SlotState, name: string): Check {
  const lag = `${name} is ${formatBytes(slot.lagBytes ?? 0)} behind, the server keeps ${formatBytes(slot.retainedBytes ?? 0)} of WAL for it`;
  if (slot.walStatus === 'unreserved') {
    return {
      name: 'slot',
      verdict: 'warn',
      message: `${lag}, and may remove it at the next checkpoint`,
      remedy: 'colophon run now; then raise max_slot_wal_keep_size',
    };
  }
  if (!slot.isActive) {
    return {
      name: 'slot',
      verdict: 'warn',
      message: `${lag}; nobody reads it`,
      remedy: 'colophon run (or colophon drop, if it is over)',
    };
  }
  if ((slot.retainedBytes ?? 0) > GIBIBYTE) {
    return {
      name: 'slot',
      verdict: 'warn',
      message: lag,
      remedy: 'look for a transaction that is open for long (pg_stat_activity), or a store that is too slow',
    };
  }
  return ok('slot', lag);
}

function diagnoseRetention(server: ServerState): Check {
  if (server.idleSlotTimeoutSeconds > 0) {
    return {
      name: 'wal retention',
      verdict: 'warn',
      message: `idle_replication_slot_timeout is ${server.idleSlotTimeoutSeconds} s: a consumer that is stopped longer loses its place`,
      remedy: 'set it to 0, or longer than any stop of colophon run',
    };
  }
  if (server.maxSlotWalKeepBytes >= 0) {
    return ok(
      'wal retention',
      `max_slot_wal_keep_size is ${formatBytes(server.maxSlotWalKeepBytes)}: a consumer further behind loses its place`,
    );
  }
  return {
    name: 'wal retention',
    verdict: 'warn',
    message: 'max_slot_wal_keep_size is -1: while colophon run is stopped, WAL grows until the disk is full',
    remedy: 'set max_slot_wal_keep_size to what the disk can spare',
  };
}

/** Bytes for people: `1.4 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}
