import { ColophonError } from '@colophon/protocol';
import { type Check, fail, ok, warn } from './check.js';
import { checkSlot } from './check-slot.js';
import { failedCheck } from './failed-check.js';
import { formatBytes } from './format-bytes.js';
import type { SourceNames } from './names.js';
import type { SourceState } from './source-state.js';

const GIBIBYTE = 1024 ** 3;

/** Looks at the slot: whether it can be read, is read, and how much WAL it keeps. */
export function diagnoseSlot({ slot, server }: SourceState, { slot: name }: SourceNames): Check {
  if (slot === null) {
    return fail('slot', 'SLOT_MISSING', `there is no replication slot ${name}`, 'colophon init');
  }
  try {
    checkSlot(slot, name, server.database);
  } catch (error) {
    if (error instanceof ColophonError) return failedCheck('slot', error);
    throw error;
  }
  const kept = slot.retainedBytes ?? 0;
  const lag = `${name} is ${formatBytes(slot.lagBytes ?? 0)} behind, the server keeps ${formatBytes(kept)} of WAL for it`;
  if (slot.walStatus === 'unreserved') {
    return warn(
      'slot',
      `${lag}, and may remove it at the next checkpoint`,
      'colophon run now; then raise max_slot_wal_keep_size',
    );
  }
  if (!slot.isActive) {
    return warn('slot', `${lag}; nobody reads it`, 'colophon run (or colophon drop, if it is over)');
  }
  if (kept > GIBIBYTE) {
    return warn(
      'slot',
      lag,
      'look for a transaction that is open for long (pg_stat_activity), or a store that is too slow',
    );
  }
  return ok('slot', lag);
}
