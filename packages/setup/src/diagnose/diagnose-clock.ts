import { type Check, found, ok } from './check.js';
import { runCommands } from './fix.js';

/** More than this is worth a word: signatures allow a minute, people compare by the second. */
const NOTABLE_MS = 5_000;

/** Compares a server's clock with this machine's. `whose`: `source` or `store`. Pure. */
export function diagnoseClock(whose: 'source' | 'store', offsetMs: number, rangeMs: number): Check {
  const apart = Math.abs(offsetMs);
  if (apart <= NOTABLE_MS + rangeMs) return ok('clock', `the ${whose}'s and this machine's agree`);
  const seconds = Math.round(apart / 1000);
  return found(
    'clock.apart',
    `the ${whose}'s clock is ${seconds} s ${offsetMs > 0 ? 'ahead of' : 'behind'} this machine's`,
    runCommands(['timedatectl set-ntp true'], ' (on whichever of the two is wrong)'),
  );
}
