import type { Step } from '../plan.js';
import type { SourceState } from '../source-state.js';
import type { NewTablesPolicy } from './new-tables.js';
import { createTrackStep, dropTrackStep, notTrackedAtOnce } from './track-trigger.js';

/** Makes or removes the event trigger, as the policy asks for it and the role may; says where it may not. */
export function trackSteps(
  { track, ddl, role }: SourceState,
  policy: NewTablesPolicy | undefined,
): { steps: Step[]; notices: string[] } {
  if (policy === 'auto') {
    if (track.isCurrent) return { steps: [], notices: [] };
    if (ddl.mayCreate) return { steps: [createTrackStep(role.name)], notices: [] };
    return {
      steps: [],
      notices: [notTrackedAtOnce(role.name)],
    };
  }
  if (!track.isThere || track.others.length > 0) return { steps: [], notices: [] };
  if (track.isOwned && ddl.mayCreate) return { steps: [dropTrackStep()], notices: [] };
  return {
    steps: [],
    notices: [
      `The event trigger colophon_track stays, since role ${role.name} doesn't own it: its owner runs DROP EVENT TRIGGER colophon_track, then DROP FUNCTION colophon.track_new_tables.`,
    ],
  };
}
