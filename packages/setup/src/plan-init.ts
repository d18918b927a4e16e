import { ColophonError, quoteIdentifier, quoteLiteral } from '@colophon/protocol';
import { checkSlot } from './check-slot.js';
import { chooseTables } from './choose-tables.js';
import { createDdlStep, ddlNotRecorded } from './ddl-triggers.js';
import type { SourceNames } from './names.js';
import type { Plan, Step } from './plan.js';
import type { Provider } from './provider/provider.js';
import { selfManaged } from './provider/self-managed.js';
import { FAILOVER_SLOTS_SINCE, type RelationState, type SourceState } from './source-state.js';
import { checkColumnLists, publicationSteps, stepsFor, type TablesWish } from './tables/table-steps.js';
import { trackSteps } from './tables/track-steps.js';

/** What `init` is asked for. */
export interface InitWish extends SourceNames, TablesWish {
  /** Whether standbys are to keep a copy of a new slot, where the server can (17). */
  readonly failover: boolean;
  /** Whether DDL is to be recorded, where the role may have it so. Default true. */
  readonly ddl?: boolean;
  /** In whose words remedies are said. Default: a server of one's own. */
  readonly provider?: Provider;
}

/** `init`'s plan, and what will be tracked once it has run. */
export interface InitPlan extends Plan {
  /** The tables asked for that are or will be published; a partitioned one by its root where that is published. */
  readonly tracked: readonly RelationState[];
  /** Published before, and not asked for now: left as they are. */
  readonly alsoPublished: readonly RelationState[];
}

/**
 * Decides what `init` changes at the source. Pure: everything that can be found out beforehand is an error here, before
 * anything is changed. Publication first, then each table's identity before it is published, the slot last: a slot
 * can't read a publication made after it.
 * Throws `WAL_LEVEL`, `UNSUPPORTED_SERVER` (a standby), `PRIVILEGE_MISSING`, `NO_FREE_SLOT`, `PUBLICATION_MISSING`,
 * `PUBLICATION_UNSUITABLE`, the slot's codes, `TABLE_MISSING`, `TABLE_UNSUITABLE`.
 */
export function planInit(state: SourceState, wish: InitWish): InitPlan {
  checkServer(state, wish);
  if (state.slot !== null) checkSlot(state.slot, wish.slot, state.server.database);
  checkPublication(state, wish);
  const choice = chooseTables(state, wish.tables, wish.identity);
  if (choice.chosen.length === 0) {
    throw new ColophonError(
      'TABLE_MISSING',
      `No table to track in database ${state.server.database}${choice.leftOut.length > 0 ? `: ${choice.leftOut.map((left) => left.reason).join(' ')}` : ': create one first, or check the database name in the connection URL.'} Nothing was changed.`,
    );
  }
  const published = new Set(state.publication?.tables.map((table) => table.oid));
  const toPublish = choice.chosen.filter((table) => !published.has(table.relation.oid));
  checkColumnLists(state, choice.chosen, wish.publication);
  const tableSteps = choice.chosen.flatMap((table) => stepsFor(table, published, wish.publication));
  if (tableSteps.length > 0 && state.publication !== null && !state.publication.isOwned) {
    throw new ColophonError(
      'PRIVILEGE_MISSING',
      `Publication ${wish.publication} belongs to ${state.publication.owner}, and role ${state.role.name} isn't its owner: run init as ${state.publication.owner}, or choose another --publication.`,
    );
  }
  const chosenOids = new Set(choice.chosen.map((table) => table.relation.oid));
  const track = trackSteps(state, wish.newTables ?? state.publication?.memory?.newTables?.policy);
  return {
    steps: [
      ...publicationSteps(state, wish, choice.chosen, toPublish),
      ...ddlSteps(state, wish),
      ...tableSteps,
      ...track.steps,
      ...slotSteps(state, wish),
    ],
    leftOut: choice.leftOut,
    notices: [...choice.notices, ...ddlNotices(state, wish), ...track.notices],
    tracked: choice.chosen.map((table) => table.relation),
    alsoPublished: state.relations.filter(
      (relation) => published.has(relation.oid) && !chosenOids.has(relation.oid),
    ),
  };
}

function checkServer(state: SourceState, names: InitWish): void {
  const { server, role } = state;
  const { provider = selfManaged } = names;
  if (server.walLevel !== 'logical') {
    throw new ColophonError(
      'WAL_LEVEL',
      `wal_level is ${server.walLevel}, wanted logical: ${provider.setting({ name: 'wal_level', value: 'logical', needsRestart: true }).remedy}.`,
      { details: { walLevel: server.walLevel } },
    );
  }
  if (server.isStandby) {
    throw new ColophonError(
      'UNSUPPORTED_SERVER',
      'The source is a standby, wanted the primary: give the URL of the primary.',
    );
  }
  if (!role.canReplicate) {
    throw new ColophonError(
      'PRIVILEGE_MISSING',
      `Role ${role.name} has no REPLICATION right: ${provider.replication(role.name).remedy}.`,
      { details: { role: role.name } },
    );
  }
  if (state.publication === null && !role.canCreate) {
    throw new ColophonError(
      'PRIVILEGE_MISSING',
      `Role ${role.name} may not create a publication in database ${server.database}: GRANT CREATE ON DATABASE ${quoteIdentifier(server.database)} TO ${quoteIdentifier(role.name)}.`,
      { details: { role: role.name } },
    );
  }
  if (state.slot === null && server.usedSlots >= server.maxSlots) {
    throw new ColophonError(
      'NO_FREE_SLOT',
      `All ${server.maxSlots} replication slots are in use, wanted one for ${names.slot}: drop one that nobody needs (pg_drop_replication_slot), or raise max_replication_slots and restart PostgreSQL.`,
      { details: { maxSlots: server.maxSlots } },
    );
  }
}

function checkPublication(state: SourceState, names: SourceNames): void {
  const { publication } = state;
  if (publication === null) {
    if (state.slot === null) return;
    throw new ColophonError(
      'PUBLICATION_MISSING',
      `Slot ${names.slot} is there but publication ${names.publication} isn't, and a slot can't read a publication made after it: run colophon drop, then init again.`,
    );
  }
  const faults: string[] = [];
  if (publication.isForAllTables)
    faults.push('is FOR ALL TABLES (updates of tables without a key would fail)');
  if (publication.schemas.length > 0)
    faults.push(`publishes whole schemas (${publication.schemas.join(', ')})`);
  if (publication.memory?.isOurs !== true) {
    const { missingOperations } = publication;
    if (missingOperations.length > 0) faults.push(`doesn't publish ${missingOperations.join(', ')}`);
    if (publication.isViaRoot) faults.push('has publish_via_partition_root = true');
    if (publication.publishesStoredColumns === false)
      faults.push(
        "has publish_generated_columns = 'none' (updates of tables with generated columns would fail)",
      );
  }
  if (faults.length > 0) {
    throw new ColophonError(
      'PUBLICATION_UNSUITABLE',
      `Publication ${names.publication} wasn't made by init and ${faults.join(', ')}: choose another --publication, or change it.`,
    );
  }
}

function ddlSteps({ ddl, role }: SourceState, wish: InitWish): Step[] {
  if (wish.ddl === false || ddl.isCurrent || !ddl.mayCreate) return [];
  return [createDdlStep(role.name)];
}

function ddlNotices({ ddl, role }: SourceState, wish: InitWish): string[] {
  if (wish.ddl === false || ddl.isCurrent || ddl.mayCreate) return [];
  return [ddlNotRecorded(role.name)];
}

function slotSteps(state: SourceState, wish: InitWish): Step[] {
  if (state.slot !== null) return [];
  const isFailover = wish.failover && state.server.major >= FAILOVER_SLOTS_SINCE;
  return [
    {
      kind: 'slot',
      sql: `SELECT pg_create_logical_replication_slot(${quoteLiteral(wish.slot)}, 'pgoutput'${isFailover ? ', failover => true' : ''})`,
      reason: `created, changes are kept from here on${isFailover ? ', by synchronised standbys too' : ''}`,
      table: null,
      group: null,
    },
  ];
}
