import type { DdlState } from '../ddl-triggers.js';
import type { Provider } from '../provider/provider.js';
import { type Check, found, ok } from './check.js';
import { consumerCommand } from './command-line.js';
import type { Advice } from './fix.js';

/**
 * Looks at whether DDL is recorded. `isWanted`: whether the settings ask for it; `init`: the command that makes the triggers.
 * `role` is who runs Colophon: where another runs `init`, the store may become another's, and the role needs its rights anew.
 */
export function diagnoseDdl(
  ddl: DdlState,
  isWanted: boolean,
  init: string,
  role: string,
  provider: Provider,
): Check {
  const name = 'ddl';
  if (ddl.isCurrent) return ok(name, 'recorded by event triggers');
  if (!isWanted && !ddl.isThere) return ok(name, 'not recorded, as the settings say');
  const advice: Advice = ddl.mayCreate
    ? { remedy: init, fix: { command: [init] } }
    : {
        remedy: `${init}, then ${consumerCommand(role)}, both as ${provider.eventTriggers}; or set ddl to false`,
        fix: { command: [init, consumerCommand(role)], as: null },
      };
  return ddl.isThere
    ? found('ddl.broken', 'the event triggers are incomplete, disabled or of another version', advice)
    : found('ddl.none', 'not recorded: there are no event triggers', advice);
}
