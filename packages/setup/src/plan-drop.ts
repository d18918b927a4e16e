import { ColophonError, quoteIdentifier, quoteLiteral } from '@colophon/protocol';
import { dropDdlStep } from './ddl-triggers.js';
import type { RememberedTable } from './memory.js';
import type { SourceNames } from './names.js';
import { identityStep, type Plan, type Step } from './plan.js';
import { rememberedTable } from './remembered-table.js';
import type { RelationState, SourceState } from './source-state.js';
import { displayTable, quoteTable } from './table-name.js';
import { autoTracked } from './tables/auto-tracked.js';
import { trackSteps } from './tables/track-steps.js';

/**
 * Decides what `drop` changes: the slot first, since it keeps WAL; then each table out of the publication before its
 * identity is put back; the publication, which holds the memory, last. Pure.
 * Throws `SLOT_IN_USE`, `SLOT_WRONG_DATABASE`, `SLOT_WRONG_PLUGIN`, `PRIVILEGE_MISSING`.
 */
export function planDrop(state: SourceState, names: SourceNames): Plan {
  checkDroppable(state, names);
  const steps: Step[] = [];
  if (state.slot !== null) {
    steps.push({
      kind: 'slot',
      sql: `SELECT pg_drop_replication_slot(${quoteLiteral(names.slot)})`,
      reason: 'dropped, no more WAL is kept for it',
      table: null,
      group: null,
    });
  }
  const notices: string[] = [];
  steps.push(...ddlSteps(state, notices));
  const track = trackSteps(state, undefined);
  steps.push(...track.steps);
  notices.push(...track.notices);
  const { publication } = state;
  if (publication === null) return { steps, leftOut: [], notices };
  if (publication.memory === null) {
    return {
      steps,
      leftOut: [],
      notices: [...notices, `Publication ${names.publication} wasn't made by init: it stays as it is.`],
    };
  }
  const isOurs = publication.memory.isOurs;
  const published = new Set(publication.tables.map((table) => table.oid));
  const restored: Step[] = [];
  for (const relation of state.relations) {
    const before = rememberedTable(state, relation) ?? autoTracked(state, relation);
    if (published.has(relation.oid) && (isOurs || before?.isAdded)) {
      steps.push({
        kind: 'unpublish',
        sql: `ALTER PUBLICATION ${quoteIdentifier(names.publication)} DROP TABLE ONLY ${quoteTable(relation)}`,
        reason: 'its changes are no longer in the stream',
        table: relation,
        group: null,
      });
    }
    if (before === undefined || !isOfInit(relation, before)) continue;
    const isIndexGone = before.identity === 'index' && !relation.indexes.includes(before.index ?? '');
    if (isIndexGone) {
      notices.push(
        `${displayTable(relation)} gets replica identity DEFAULT: its index ${before.index} is gone.`,
      );
    }
    const identity = isIndexGone ? 'default' : before.identity;
    restored.push(identityStep(relation, identity, before.index, 'as it was before init', null));
  }
  steps.push(...restored);
  const name = quoteIdentifier(names.publication);
  steps.push(
    isOurs
      ? {
          kind: 'publication',
          sql: `DROP PUBLICATION ${name}`,
          reason: 'dropped',
          table: null,
          group: null,
        }
      : {
          kind: 'memory',
          sql: `COMMENT ON PUBLICATION ${name} IS ${publication.memory.comment === null ? 'NULL' : quoteLiteral(publication.memory.comment)}`,
          reason: 'stays, since init did not make it; its own comment is back',
          table: null,
          group: null,
        },
  );
  return { steps, leftOut: [], notices };
}

/** The event triggers go with the last publication that they serve. */
function ddlSteps({ ddl, role }: SourceState, notices: string[]): Step[] {
  if (!ddl.isThere) return [];
  if (ddl.others.length > 0) {
    notices.push(`The event triggers stay: they serve publication ${ddl.others.join(', ')}.`);
    return [];
  }
  if (ddl.isOwned) return [dropDdlStep()];
  notices.push(
    `The event triggers stay, since role ${role.name} doesn't own them: their owner runs DROP EVENT TRIGGER colophon_ddl, colophon_ddl_drop (one by one), then DROP FUNCTION colophon.record_ddl.`,
  );
  return [];
}

/** Whether the identity is still the one that init gave: what someone set since then stays. */
export function isOfInit(relation: RelationState, before: RememberedTable): boolean {
  return (
    relation.identity !== before.identity &&
    (relation.identity === 'full' || (relation.identity === 'default' && relation.virtualColumns.length > 0))
  );
}

function checkDroppable(state: SourceState, names: SourceNames): void {
  const { slot, publication, role } = state;
  if (slot !== null) {
    if (slot.isActive) {
      throw new ColophonError(
        'SLOT_IN_USE',
        `Slot ${names.slot} is in use by the consumer with backend process ${slot.activePid}: stop that colophon run first. Nothing was changed.`,
        { retryable: true, details: { activePid: slot.activePid } },
      );
    }
    if (slot.plugin !== 'pgoutput') {
      throw new ColophonError(
        'SLOT_WRONG_PLUGIN',
        `Slot ${names.slot} is ${slot.plugin === null ? 'a physical slot' : `of plugin ${slot.plugin}`}, so not of Colophon's making: choose another --slot. Nothing was changed.`,
      );
    }
    if (slot.database !== state.server.database) {
      throw new ColophonError(
        'SLOT_WRONG_DATABASE',
        `Slot ${names.slot} is of database ${slot.database}, not of ${state.server.database}: connect there to drop it. Nothing was changed.`,
      );
    }
    if (!role.canReplicate) {
      throw new ColophonError(
        'PRIVILEGE_MISSING',
        `Role ${role.name} has no REPLICATION right, so it may not drop slot ${names.slot}: connect as another role. Nothing was changed.`,
      );
    }
  }
  if (publication?.memory == null) return;
  if (!publication.isOwned) {
    throw new ColophonError(
      'PRIVILEGE_MISSING',
      `Publication ${names.publication} belongs to ${publication.owner}, not to role ${role.name}: connect as ${publication.owner}. Nothing was changed.`,
    );
  }
  for (const relation of state.relations) {
    const before = rememberedTable(state, relation) ?? autoTracked(state, relation);
    if (before !== undefined && isOfInit(relation, before) && !relation.isOwned) {
      throw new ColophonError(
        'PRIVILEGE_MISSING',
        `${displayTable(relation)} belongs to ${relation.owner}, not to role ${role.name}, which so can't put its replica identity back: connect as ${relation.owner} or a superuser. Nothing was changed.`,
      );
    }
  }
}
