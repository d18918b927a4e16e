import type { DdlState } from '../ddl-triggers.js';
import type { Provider } from '../provider/provider.js';
import { type Check, found, ok } from './check.js';
import { consumerCommand } from './command-line.js';
import { type Advice, inWords } from './fix.js';

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
  const advice = ddl.mayCreate
    ? { remedy: init, fix: { command: [init] } }
    : adviceForOthers(init, consumerCommand(role), provider);
  return ddl.isThere
    ? found('ddl.broken', 'the event triggers are incomplete, disabled or of another version', advice)
    : found('ddl.none', 'not recorded: there are no event triggers', advice);
}

function adviceForOthers(init: string, consumer: string, { name, eventTriggers }: Provider): Advice {
  if (eventTriggers === null) return inWords(`set ddl to false: ${name} lets nobody make event triggers`);
  return {
    remedy: `${init}, then ${consumer}, both as ${eventTriggers}; or set ddl to false`,
    fix: { command: [init, consumer], as: null },
  };
}
