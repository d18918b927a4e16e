import {
  type Check,
  commandLine,
  found,
  ok,
  publishedTables,
  runCommands,
  type SourceNames,
  type SourceState,
  tableWord,
} from '@colophon/setup';
import type { BaselineStatus, GapRow } from '@colophon/store';
import { isUntracking } from '../render/gap-text.js';

/**
 * Looks at the gaps of one source. A gap never closes; but once each published table was copied after it, the state from
 * which later records go on is known again. `null` baselines where they may not be read. Pure.
 */
export function diagnoseGaps(
  recorded: readonly GapRow[],
  baselines: readonly BaselineStatus[],
  state: SourceState,
  names: SourceNames,
): Check {
  // What was untracked on purpose is missed by nobody.
  const gaps = recorded.filter((gap) => !isUntracking(gap));
  const newest = gaps.at(-1);
  if (newest === undefined) return ok('gaps', 'none');
  const stretches =
    gaps.length === 1
      ? `1 stretch of ${newest.source}'s log is`
      : `${gaps.length} stretches of ${newest.source}'s log are`;
  const message = `${stretches} not accounted for by what is stored (the latest: ${newest.reason})`;
  const published =
    state.publication === null
      ? []
      : publishedTables(state, state.publication).filter(
          ({ kind, persistence }) => kind === 'table' && persistence === 'permanent',
        );
  const stale = published.filter(
    (table) =>
      !baselines.some(
        (baseline) =>
          baseline.isComplete &&
          baseline.startedAt > newest.detectedAt &&
          baseline.schema === table.schema &&
          (baseline.partition ?? baseline.table) === table.name,
      ),
  );
  if (stale.length === 0) return ok('gaps', `${message}; every table was copied since`);
  return found(
    'gaps.found',
    message,
    runCommands(
      [commandLine('snapshot', names, stale.map(tableWord))],
      ' (copies the tables as they are; colophon.gaps and colophon status say what is missing)',
    ),
  );
}
