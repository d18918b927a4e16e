import { ColophonError } from '@colophon/protocol';
import { checkSlot } from '../check-slot.js';
import { formatBytes } from '../format-bytes.js';
import type { SourceNames } from '../names.js';
import type { SourceState } from '../source-state.js';
import { type Check, found, ok } from './check.js';
import { commandLine } from './command-line.js';
import { failedCheck } from './failed-check.js';
import { inWords, runCommands, runSql } from './fix.js';
import type { SourceHealth } from './source-health.js';

/** What the slot is looked at with. */
export interface SlotWish {
  readonly names: SourceNames;
  /** The command that makes a slot. */
  readonly init: string;
  /** More log than this, kept for a slot that is read, is worth a word; 0 for never. */
  readonly warnRetainedBytes: number;
}

/** Looks at the slot: whether it can be read, is read, and how much WAL it keeps. */
export function diagnoseSlot({ slot, server }: SourceState, health: SourceHealth, wish: SlotWish): Check {
  const { names, init } = wish;
  const name = names.slot;
  if (slot === null) {
    return found('slot.missing', `there is no replication slot ${name}`, runCommands([init]));
  }
  try {
    checkSlot(slot, name, server.database);
  } catch (error) {
    if (!(error instanceof ColophonError)) throw error;
    if (error.code === 'SLOT_INVALIDATED') {
      return failedCheck('slot.lost', error, { command: [commandLine('drop', names), init] });
    }
    const another = { ...names, slot: `${name.slice(0, 54)}_colophon` };
    const command = init.startsWith(commandLine('init', names))
      ? `${commandLine('init', another)}${init.slice(commandLine('init', names).length)}`
      : init;
    return failedCheck('slot.unsuitable', error, { command: [command] });
  }
  const kept = slot.retainedBytes ?? 0;
  const lag = `${name} is ${formatBytes(slot.lagBytes ?? 0)} behind, the server keeps ${formatBytes(kept)} of WAL for it`;
  const run = commandLine('run', names);
  if (slot.walStatus === 'unreserved') {
    return found(
      'slot.unreserved',
      `${lag}, and may remove it at the next checkpoint`,
      runCommands([run], ' now; afterwards raise max_slot_wal_keep_size'),
    );
  }
  if (!slot.isActive) {
    return found(
      'slot.inactive',
      `${lag}; nobody reads it`,
      runCommands([run], ` (or ${commandLine('drop', names)}, if it is over)`),
    );
  }
  if (wish.warnRetainedBytes > 0 && kept > wish.warnRetainedBytes) {
    const oldest = health.openTransactions[0];
    return found(
      'slot.behind',
      lag,
      oldest === undefined
        ? inWords(
            'look at what run does (colophon status), for a store that is too slow, and for a transaction that this role may not see (pg_stat_activity)',
          )
        : runSql(
            [`SELECT pg_terminate_backend(${oldest.pid})`],
            null,
            ` (the oldest transaction, open for ${Math.round(oldest.seconds)} s)`,
          ),
    );
  }
  return ok('slot', lag);
}
