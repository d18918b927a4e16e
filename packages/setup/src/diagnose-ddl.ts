import { type Check, ok, warn } from './check.js';
import type { DdlState } from './ddl-triggers.js';

/** Looks at whether DDL is recorded. `isWanted`: whether the settings ask for it. */
export function diagnoseDdl(ddl: DdlState, isWanted: boolean): Check {
  const name = 'ddl';
  if (ddl.isCurrent) return ok(name, 'recorded by event triggers');
  if (!isWanted && !ddl.isThere) return ok(name, 'not recorded, as the settings say');
  const who = ddl.mayCreate ? 'colophon init' : 'colophon init as a superuser, or set ddl to false';
  return ddl.isThere
    ? warn(name, 'the event triggers are incomplete, disabled or of another version', who)
    : warn(name, 'not recorded: there are no event triggers', who);
}
