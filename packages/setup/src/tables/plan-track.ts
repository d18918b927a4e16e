import { ColophonError } from '@colophon/protocol';
import { chooseTables, type IdentityMode, type LeftOut, type TableWish } from '../choose-tables.js';
import type { Plan } from '../plan.js';
import type { PublicationState, RelationState, SourceState } from '../source-state.js';
import { displayTable } from '../table-name.js';
import { exactPattern } from '../table-pattern.js';
import { findNewTables, type NewTablesPolicy } from './new-tables.js';
import { checkColumnLists, publicationSteps, stepsFor } from './table-steps.js';
import { trackSteps } from './track-steps.js';

/** What is to be tracked besides what is. */
export interface TrackWish {
  readonly publication: string;
  /** None: only what becomes of new tables is wished. */
  readonly tables: TableWish;
  readonly identity: IdentityMode;
  /** Undefined leaves it as it is. */
  readonly newTables?: NewTablesPolicy | undefined;
  /** Which new tables, where that is wished: patterns among them; default all. */
  readonly scope?: TableWish | undefined;
  /** Partitions that stay out, though their root is wished. */
  readonly except?: ReadonlySet<number>;
}

/** A plan, and the tables that it is about. */
export interface TrackPlan extends Plan {
  readonly tracked: readonly RelationState[];
}

/**
 * Decides what is changed so that more tables are tracked, by a publication that `init` has made or found; each as `init`
 * would. Pure. Throws `PUBLICATION_MISSING`, `PUBLICATION_UNSUITABLE`, `PRIVILEGE_MISSING`, `TABLE_MISSING`, `TABLE_UNSUITABLE`.
 */
export function planTrack(state: SourceState, wish: TrackWish): TrackPlan {
  const publication = keptPublication(state, wish.publication);
  const isForTables = wish.tables === 'all' || wish.tables.length > 0;
  const choice = isForTables
    ? chooseTables(state, wish.tables, wish.identity)
    : { chosen: [], leftOut: [], notices: [] };
  const { leftOut, notices } = choice;
  const chosen = choice.chosen.filter(({ relation }) => wish.except?.has(relation.oid) !== true);
  const published = new Set(publication.tables.map((table) => table.oid));
  const toPublish = chosen.filter((table) => !published.has(table.relation.oid));
  checkColumnLists(state, chosen, wish.publication);
  const { identity, newTables, scope, tables } = wish;
  const memory = publicationSteps(
    state,
    { publication: wish.publication, identity, newTables, scope, tables },
    chosen,
    toPublish,
  );
  const steps = [...memory, ...chosen.flatMap((table) => stepsFor(table, published, wish.publication))];
  if (steps.length > 0) checkOwner(state, wish.publication);
  const track = wish.newTables === undefined ? { steps: [], notices: [] } : trackSteps(state, wish.newTables);
  return {
    steps: [...steps, ...track.steps],
    leftOut,
    notices: [...notices, ...track.notices],
    tracked: chosen.map(({ relation }) => relation),
  };
}

/**
 * Decides how new tables are tracked, where they are to be: those that the event trigger didn't, or for want of one. What
 * can't be is left out, never an error. Null where there is nothing new.
 */
export function planNewTables(state: SourceState, publication: string): TrackPlan | null {
  const found = findNewTables(state);
  if (found.length === 0) return null;
  const { identity, skipped } = state.publication!.memory!.newTables!;
  const except = new Set(skipped.map(({ oid }) => oid));
  const plan = planTrack(state, { publication, tables: found.map(exactPattern), identity, except });
  const { role } = state;
  if (plan.steps.length === 0 || state.publication!.isOwned) return plan;
  return {
    ...plan,
    steps: [],
    tracked: [],
    leftOut: plan.tracked.map((table) => notOurs(state, role.name, table)),
  };
}

function notOurs({ publication }: SourceState, role: string, table: RelationState): LeftOut {
  return {
    table,
    code: 'PRIVILEGE_MISSING',
    reason: `${displayTable(table)} isn't tracked: the publication belongs to ${publication!.owner}, and role ${role} isn't its owner.`,
  };
}

/** The publication that `init` has made or found. Throws `PUBLICATION_MISSING`, `PUBLICATION_UNSUITABLE`. */
export function keptPublication({ publication }: SourceState, name: string): PublicationState {
  if (publication === null) {
    throw new ColophonError(
      'PUBLICATION_MISSING',
      `There is no publication ${name}: run colophon init first.`,
    );
  }
  if (publication.memory !== null && !publication.isForAllTables && publication.schemas.length === 0) {
    return publication;
  }
  throw new ColophonError(
    'PUBLICATION_UNSUITABLE',
    publication.memory === null
      ? `Publication ${name} wasn't made by init, or its comment is gone: run colophon init --tables first.`
      : `Publication ${name} gives more than a list of tables: choose another --publication with colophon init.`,
  );
}

/** Throws `PRIVILEGE_MISSING` where the role may not change the publication. */
export function checkOwner({ publication, role }: SourceState, name: string): void {
  if (publication === null || publication.isOwned) return;
  throw new ColophonError(
    'PRIVILEGE_MISSING',
    `Publication ${name} belongs to ${publication.owner}, and role ${role.name} isn't its owner: connect as ${publication.owner}. Nothing was changed.`,
  );
}
