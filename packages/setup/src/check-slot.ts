import { ColophonError } from '@colophon/protocol';
import type { SlotState } from './source-state.js';

/**
 * Throws where a consumer can't read the slot: `SLOT_WRONG_PLUGIN`, `SLOT_WRONG_DATABASE`, `SLOT_INVALIDATED`.
 * Whether it is in use doesn't count.
 */
export function checkSlot(slot: SlotState, name: string, database: string): void {
  if (slot.type !== 'logical' || slot.plugin !== 'pgoutput' || slot.isTwoPhase || slot.isTemporary) {
    const seen =
      slot.type !== 'logical'
        ? `a ${slot.type} slot`
        : slot.plugin !== 'pgoutput'
          ? `a slot of plugin ${slot.plugin}`
          : slot.isTwoPhase
            ? 'a two-phase slot'
            : 'a temporary slot';
    throw new ColophonError(
      'SLOT_WRONG_PLUGIN',
      `Slot ${name} is ${seen}, wanted an ordinary logical slot of pgoutput: choose another --slot.`,
    );
  }
  if (slot.database !== database) {
    throw new ColophonError(
      'SLOT_WRONG_DATABASE',
      `Slot ${name} is of database ${slot.database}, wanted ${database}: choose another --slot.`,
    );
  }
  if (slot.invalidation !== null) {
    throw new ColophonError(
      'SLOT_INVALIDATED',
      `Slot ${name} was invalidated by the server (${slot.invalidation}), and changes since then are lost to it: run colophon drop, then init again.`,
      { details: { reason: slot.invalidation } },
    );
  }
}
