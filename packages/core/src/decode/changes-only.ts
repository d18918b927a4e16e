import { int32At } from './bytes.js';
import type { UpdateMessage } from './message.js';
import { TEXT_COLUMN, type Tuple, UNCHANGED_COLUMN } from './tuple.js';

/**
 * Whether an update changed some of these columns and nothing else, by the text of every value. False where that isn't certain:
 * without the whole row before it. A large value that the log doesn't carry is one that stayed.
 */
export function changesOnly(
  { before, oldKind, after }: Pick<UpdateMessage, 'before' | 'oldKind' | 'after'>,
  places: readonly boolean[],
): boolean {
  if (before === null || oldKind !== 'O') return false;
  if (before.columnCount !== places.length || after.columnCount !== places.length) return false;
  let hasChanged = false;
  let oldAt = before.start;
  let newAt = after.start;
  for (let column = 0; column < places.length; column++) {
    const oldEnd = endOf(before, oldAt);
    const newEnd = endOf(after, newAt);
    const isKept = after.buffer[newAt] === UNCHANGED_COLUMN;
    if (!isKept && before.buffer.compare(after.buffer, newAt, newEnd, oldAt, oldEnd) !== 0) {
      if (!places[column]) return false;
      hasChanged = true;
    }
    oldAt = oldEnd;
    newAt = newEnd;
  }
  return hasChanged;
}

/** Where a column's bytes end: its kind, and of a text its length and the text itself. */
function endOf({ buffer }: Tuple, at: number): number {
  return buffer[at] === TEXT_COLUMN ? at + 5 + int32At(buffer, at + 1) : at + 1;
}
