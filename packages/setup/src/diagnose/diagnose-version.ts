import type { ServerState } from '../source-state.js';
import { type Check, found, ok } from './check.js';
import { inWords } from './fix.js';

/** Minor releases of May 2025. Before them `ALTER PUBLICATION … ADD TABLE` beside an open transaction lost rows of the table. */
const FIRST_SOUND_MINOR: Readonly<Record<number, number>> = { 14: 18, 15: 13, 16: 9, 17: 5 };

/** Looks at the server's version. */
export function diagnoseVersion({ version, major }: ServerState): Check {
  const minor = Number(/^\d+\.(\d+)/.exec(version)?.[1] ?? Number.NaN);
  const wanted = FIRST_SOUND_MINOR[major];
  if (wanted !== undefined && minor < wanted) {
    return found(
      'version.unsound',
      `PostgreSQL ${version}: before ${major}.${wanted} a table that is published while transactions are open can lose their rows`,
      inWords(`upgrade to the latest ${major}; until then run colophon init while nothing writes`),
    );
  }
  return ok('version', `PostgreSQL ${version}`);
}
