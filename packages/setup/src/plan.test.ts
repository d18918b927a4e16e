import { INVALID_LSN, type Lsn, parseLsn } from '@colophon/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isUsableIdentity, leavesOf } from './choose-tables.js';
import { readMemory } from './memory.js';
import type { Plan, Step } from './plan.js';
import { planDrop } from './plan-drop.js';
import { type InitWish, planInit } from './plan-init.js';
import type {
  PublicationState,
  RelationState,
  ReplicaIdentity,
  SlotState,
  SourceState,
} from './source-state.js';
import { quoteTable } from './table-name.js';
import { exactPattern, parseTableWish } from './table-pattern.js';
import { planNewTables, planTrack } from './tables/plan-track.js';
import { planUntrack } from './tables/plan-untrack.js';

const SERVER: SourceState['server'] = {
  version: '18.4',
  major: 18,
  walLevel: 'logical',
  isStandby: false,
  database: 'app',
  databaseOid: 5,
  systemIdentifier: '7',
  maxSlots: 10,
  usedSlots: 0,
  maxSenders: 10,
  usedSenders: 0,
  maxSlotWalKeepBytes: -1,
  idleSlotTimeoutSeconds: 0,
  standbySlots: [],
  synchronizedStandbySlots: [],
};
const ROLE: SourceState['role'] = { name: 'me', isSuperuser: false, canReplicate: true, canCreate: true };
const SLOT: SlotState = {
  type: 'logical',
  plugin: 'pgoutput',
  database: 'app',
  isActive: false,
  activePid: null,
  isTemporary: false,
  isTwoPhase: false,
  isFailover: true,
  walStatus: 'reserved',
  invalidation: null,
  confirmedFlushLsn: parseLsn('0/1') as Lsn,
  retainedBytes: 0,
  lagBytes: 0,
  safeWalBytes: null,
  maxRetainedBytes: null,
  walEndLsn: INVALID_LSN,
};
const PUBLICATION: PublicationState = {
  isOwned: true,
  owner: 'me',
  isForAllTables: false,
  schemas: [],
  missingOperations: [],
  isViaRoot: false,
  publishesStoredColumns: true,
  tables: [],
  comment: null,
  memory: null,
};

function table(name: string, oid: number, part: Partial<RelationState> = {}): RelationState {
  return {
    schema: 'public',
    name,
    oid,
    kind: 'table',
    persistence: 'permanent',
    isPartition: false,
    parents: [],
    owner: 'me',
    isOwned: true,
    isOfExtension: false,
    identity: 'default',
    identityIndex: null,
    indexes: [],
    hasKey: true,
    virtualColumns: [],
    ...part,
  };
}

function source(part: Partial<SourceState> = {}): SourceState {
  return {
    server: SERVER,
    role: ROLE,
    publication: null,
    slot: null,
    ddl: { isCurrent: false, isThere: false, mayCreate: true, isOwned: true, others: [] },
    track: { isCurrent: false, isThere: false, isOwned: true, others: [] },
    relations: [table('todo', 1)],
    ...part,
  };
}

const WISH: InitWish = {
  slot: 'colophon',
  publication: 'colophon',
  tables: 'all',
  identity: 'full',
  failover: true,
};

/** What the server would look like after the step: only what the plans' own statements can say. */
function after(state: SourceState, { kind, sql, table: name }: Step): SourceState {
  const comment = /COMMENT ON PUBLICATION "\w+" IS (NULL|E?'.*')$/s.exec(sql)?.[1];
  const text = comment === undefined || comment === 'NULL' ? null : unquote(comment);
  const named = { comment: text, memory: readMemory(text) };
  const relation = state.relations.find((each) => name !== null && quoteTable(each) === quoteTable(name));
  const publication = state.publication;
  switch (kind) {
    case 'slot':
      return { ...state, slot: sql.includes('pg_drop') ? null : SLOT };
    case 'ddl': {
      const isThere = !sql.includes('DROP FUNCTION');
      return { ...state, ddl: { ...state.ddl, isThere, isCurrent: isThere } };
    }
    case 'track': {
      const isThere = !sql.startsWith('DROP');
      return { ...state, track: { ...state.track, isThere, isCurrent: isThere } };
    }
    case 'publication':
      if (sql.startsWith('DROP')) return { ...state, publication: null };
      if (sql.startsWith('CREATE')) return { ...state, publication: { ...PUBLICATION, ...named } };
      throw new Error(`the model does not know ${sql}`);
    case 'memory':
      return { ...state, publication: { ...publication!, ...named } };
    case 'publish':
    case 'unpublish': {
      const others = publication!.tables.filter((each) => each.oid !== relation!.oid);
      const entry = { oid: relation!.oid, hasRowFilter: false, hasColumnList: false };
      const tables = kind === 'publish' ? [...others, entry] : others;
      return { ...state, publication: { ...publication!, tables } };
    }
    case 'identity': {
      const form = /REPLICA IDENTITY (\w+)(?: INDEX "(.*)")?$/.exec(sql)!;
      const identity = (form[1] === 'USING' ? 'index' : form[1]!.toLowerCase()) as ReplicaIdentity;
      const changed = { ...relation!, identity, identityIndex: identity === 'index' ? form[2]! : null };
      return { ...state, relations: state.relations.map((each) => (each === relation ? changed : each)) };
    }
  }
}

function unquote(literal: string): string {
  return literal
    .replace(/^E?'|'$/g, '')
    .replaceAll("''", "'")
    .replaceAll('\\\\', '\\');
}

const run = (state: SourceState, plan: Plan): SourceState => plan.steps.reduce(after, state);

/** Every published table can be updated. */
function expectUpdatable(state: SourceState): void {
  for (const { oid } of state.publication?.tables ?? []) {
    const relation = state.relations.find((each) => each.oid === oid)!;
    const tables = relation.kind === 'table' ? [relation] : leavesOf(state, relation);
    for (const each of tables.filter((leaf) => leaf.persistence === 'permanent' && leaf.kind === 'table')) {
      expect(isUsableIdentity(each, each.identity), `${each.name} ${each.identity}`).toBe(true);
    }
  }
}

const mostly = <T>(usual: T, ...others: T[]) =>
  fc.oneof({ arbitrary: fc.constant(usual), weight: 3 * others.length }, fc.constantFrom(...others));

const looks = fc.record({
  hasKey: fc.boolean(),
  persistence: mostly<RelationState['persistence']>('permanent', 'unlogged', 'temporary'),
  kind: mostly<RelationState['kind']>('table', 'view', 'partitioned table', 'foreign table'),
  isOwned: mostly(true, false),
  isOfExtension: mostly(false, true),
  virtualColumns: fc.constantFrom([], [], ['computed']),
  schema: mostly('public', 'Other', 'colophon'),
  indexes: fc.constantFrom([], ['i', 'j']),
  wanted: fc.constantFrom<ReplicaIdentity>('default', 'full', 'index', 'nothing'),
  parent: fc.nat(8),
});

const relations = fc.array(looks, { minLength: 1, maxLength: 8, size: 'max' }).map((all) =>
  all.map(({ wanted, parent, ...look }, at) => {
    // A partition's parent stands before it, so that there is no circle.
    const root = parent < at && all[parent]!.kind === 'partitioned table' ? [100 + parent] : [];
    const isIndexed = wanted === 'index' && look.indexes.length > 0;
    const identity: ReplicaIdentity = isIndexed ? 'index' : wanted === 'index' ? 'default' : wanted;
    return table(`it's "${at}"\\`, 100 + at, {
      ...look,
      isPartition: root.length > 0,
      parents: root,
      identity: look.kind === 'partitioned table' ? 'default' : identity,
      identityIndex: isIndexed ? 'i' : null,
    });
  }),
);

describe('any source', () => {
  const wishes = fc.record({ identity: fc.constantFrom<InitWish['identity']>('full', 'default') });

  it('init leaves nothing to do, every step keeps updates working, drop puts all back', () => {
    let planned = 0;
    fc.assert(
      fc.property(relations, wishes, fc.constantFrom(null, 'a comment', null), (all, wish, foreign) => {
        const publication = foreign === null ? null : { ...PUBLICATION, comment: foreign };
        const before = source({ relations: all, publication });
        let plan: Plan;
        try {
          plan = planInit(before, { ...WISH, ...wish });
        } catch (error) {
          expect(error).toMatchObject({ code: 'TABLE_MISSING' });
          return;
        }
        planned++;
        let state = before;
        for (const step of plan.steps) {
          state = after(state, step);
          expectUpdatable(state);
        }
        expect(state.slot).toBe(SLOT);
        expect(plan.steps.at(-1)?.kind).toBe('slot');
        expect(planInit(state, { ...WISH, ...wish }).steps).toEqual([]);
        const drop = planDrop(state, WISH);
        for (const step of drop.steps) {
          state = after(state, step);
          expectUpdatable(state);
        }
        expect(state).toEqual(before);
        expect(planDrop(state, WISH).steps).toEqual([]);
      }),
      { numRuns: 1000 },
    );
    expect(planned).toBeGreaterThan(300);
  });

  it('what was stopped half-way goes on from there, and is dropped from there', () => {
    fc.assert(
      fc.property(relations, fc.nat(20), fc.nat(20), (all, stop, stopDrop) => {
        const before = source({ relations: all });
        let plan: Plan;
        try {
          plan = planInit(before, WISH);
        } catch {
          return;
        }
        const half = run(before, { ...plan, steps: plan.steps.slice(0, stop) });
        const whole = run(half, planInit(half, WISH));
        expect(planInit(whole, WISH).steps).toEqual([]);
        for (const state of [half, whole]) {
          const drop = planDrop(state, WISH);
          const halfDropped = run(state, { ...drop, steps: drop.steps.slice(0, stopDrop) });
          expect(run(halfDropped, planDrop(halfDropped, WISH))).toEqual(before);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('tables tracked and untracked later, with new ones or without: updates keep working, and drop puts all back', () => {
    let tracked = 0;
    const policies = fc.constantFrom(undefined, 'auto' as const, 'manual' as const);
    const choice = fc.array(fc.nat(7), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(relations, policies, policies, choice, choice, (all, first, later, some, others) => {
        const before = source({ relations: all });
        const pick = (places: number[]) => places.map((place) => exactPattern(all[place % all.length]!));
        let state = before;
        const go = (plan: Plan): void => {
          for (const step of plan.steps) {
            state = after(state, step);
            expectUpdatable(state);
          }
        };
        try {
          go(planInit(state, { ...WISH, newTables: first }));
          go(planUntrack(state, 'colophon', pick(some)));
          const wish = { publication: 'colophon', identity: 'full', newTables: later } as const;
          go(planTrack(state, { ...wish, tables: pick(others), scope: 'all' }));
          expect(planTrack(state, { ...wish, tables: pick(others), scope: 'all' }).steps).toEqual([]);
          expect(planUntrack(state, 'colophon', pick(some)).tracked.length).toBeLessThanOrEqual(all.length);
          tracked++;
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^(TABLE|PRIVILEGE)_/) });
          if (state.publication === null) return;
        }
        go(planDrop(state, WISH));
        expect(state).toEqual(before);
      }),
      { numRuns: 1000 },
    );
    expect(tracked).toBeGreaterThan(100);
  });

  it('tables added by a later init are put back too', () => {
    fc.assert(
      fc.property(relations, fc.nat(7), fc.boolean(), (all, first, isForeign) => {
        const publication = isForeign ? { ...PUBLICATION, comment: 'theirs' } : null;
        const before = source({ relations: all, publication });
        const one = all[first % all.length]!;
        try {
          const early = run(before, planInit(before, { ...WISH, tables: [one] }));
          const late = run(early, planInit(early, WISH));
          expect(run(late, planDrop(late, WISH))).toEqual(before);
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^(TABLE|PRIVILEGE)_/) });
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('what can not be is said before any step', () => {
  const server = (part: Partial<SourceState['server']>) => source({ server: { ...SERVER, ...part } });
  const ours = { ...PUBLICATION, ...run(source(), planInit(source(), WISH)).publication! };
  const withSlot = (part: Partial<SlotState>) => source({ publication: ours, slot: { ...SLOT, ...part } });
  const foreign = (part: Partial<PublicationState>) => source({ publication: { ...PUBLICATION, ...part } });

  it.each<[string, SourceState, Partial<InitWish>, RegExp]>([
    ['WAL_LEVEL', server({ walLevel: 'replica' }), {}, /replica, wanted logical.*restart/],
    ['UNSUPPORTED_SERVER', server({ isStandby: true }), {}, /standby/],
    ['NO_FREE_SLOT', server({ usedSlots: 10 }), {}, /All 10/],
    [
      'PRIVILEGE_MISSING',
      source({ role: { ...ROLE, canReplicate: false } }),
      {},
      /ALTER ROLE "me" REPLICATION/,
    ],
    [
      'PRIVILEGE_MISSING',
      source({ role: { ...ROLE, canCreate: false } }),
      {},
      /GRANT CREATE ON DATABASE "app"/,
    ],
    ['PUBLICATION_MISSING', source({ slot: SLOT }), {}, /colophon drop, then init/],
    ['SLOT_WRONG_PLUGIN', withSlot({ plugin: 'test_decoding' }), {}, /test_decoding/],
    ['SLOT_WRONG_PLUGIN', withSlot({ type: 'physical', plugin: null, database: null }), {}, /physical/],
    ['SLOT_WRONG_PLUGIN', withSlot({ isTwoPhase: true }), {}, /two-phase/],
    ['SLOT_WRONG_DATABASE', withSlot({ database: 'other' }), {}, /other, wanted app/],
    ['SLOT_INVALIDATED', withSlot({ invalidation: 'wal_removed' }), {}, /wal_removed.*drop, then init/],
    ['PUBLICATION_UNSUITABLE', foreign({ isForAllTables: true }), {}, /FOR ALL TABLES/],
    ['PUBLICATION_UNSUITABLE', foreign({ schemas: ['a'] }), {}, /whole schemas \(a\)/],
    ['PUBLICATION_UNSUITABLE', foreign({ missingOperations: ['truncate'] }), {}, /truncate/],
    ['PUBLICATION_UNSUITABLE', foreign({ isViaRoot: true }), {}, /publish_via_partition_root/],
    ['PUBLICATION_UNSUITABLE', foreign({ publishesStoredColumns: false }), {}, /publish_generated_columns/],
    [
      'PUBLICATION_UNSUITABLE',
      foreign({ tables: [{ oid: 1, hasRowFilter: true, hasColumnList: false }] }),
      {},
      /row filter/,
    ],
    [
      'PUBLICATION_UNSUITABLE',
      foreign({ tables: [{ oid: 1, hasRowFilter: false, hasColumnList: true }] }),
      {},
      /column list/,
    ],
    ['PRIVILEGE_MISSING', foreign({ isOwned: false, owner: 'her' }), {}, /belongs to her/],
    ['TABLE_MISSING', source(), { tables: [{ schema: 'public', name: 'TODO' }] }, /TODO \(there is todo\)/],
    ['TABLE_MISSING', source({ relations: [] }), {}, /No table to track/],
    [
      'TABLE_UNSUITABLE',
      source({ relations: [table('v', 1, { kind: 'view' })] }),
      { tables: [table('v', 1)] },
      /a view/,
    ],
    [
      'TABLE_UNSUITABLE',
      source({ relations: [table('bare', 1, { hasKey: false })] }),
      { tables: [table('bare', 1)], identity: 'default' },
      /no primary key.*--replica-identity full/,
    ],
    [
      'TABLE_UNSUITABLE',
      source({ relations: [table('bare', 1, { hasKey: false, virtualColumns: ['c'] })] }),
      { tables: [table('bare', 1)] },
      /virtual generated column c/,
    ],
    [
      'PRIVILEGE_MISSING',
      source({ relations: [table('hers', 1, { isOwned: false, owner: 'her' })] }),
      { tables: [table('hers', 1)] },
      /belongs to her/,
    ],
  ])('%s', (code, state, wish, message) => {
    expect(() => planInit(state, { ...WISH, ...wish })).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });

  it.each<[string, SourceState]>([
    ['SLOT_IN_USE', withSlot({ isActive: true, activePid: 42 })],
    ['SLOT_WRONG_PLUGIN', withSlot({ plugin: 'wal2json' })],
    ['SLOT_WRONG_DATABASE', withSlot({ database: 'other' })],
    ['PRIVILEGE_MISSING', { ...withSlot({}), role: { ...ROLE, canReplicate: false } }],
    ['PRIVILEGE_MISSING', source({ publication: { ...ours, isOwned: false } })],
    [
      'PRIVILEGE_MISSING',
      source({ publication: ours, relations: [table('todo', 1, { identity: 'full', isOwned: false })] }),
    ],
  ])('drop: %s', (code, state) => {
    expect(() => planDrop(state, WISH)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining('Nothing was changed.') }),
    );
  });
});

it('drop leaves an identity that somebody set since, and says where an index is gone', () => {
  const before = source({
    relations: [
      table('theirs', 1, { identity: 'nothing' }),
      table('bereft', 2, { identity: 'index', identityIndex: 'i', indexes: ['i'] }),
    ],
  });
  const made = run(before, planInit(before, WISH));
  const [bereft, theirs] = [made.relations[1]!, made.relations[0]!];
  const state = {
    ...made,
    relations: [
      { ...theirs, identity: 'default' as const },
      { ...bereft, indexes: [] },
    ],
  };
  const drop = planDrop(state, WISH);
  expect(drop.notices).toEqual([expect.stringMatching(/bereft gets replica identity DEFAULT.*i is gone/)]);
  expect(run(state, drop).relations.map((each) => each.identity)).toEqual(['default', 'default']);
});

describe('a partitioned table', () => {
  const root = (hasKey: boolean) => table('root', 1, { kind: 'partitioned table', hasKey });
  const leaf = (name: string, oid: number, hasKey: boolean) =>
    table(name, oid, { isPartition: true, parents: [1], identity: hasKey ? 'default' : 'nothing', hasKey });
  const published = (state: SourceState) =>
    state.publication!.tables.map(({ oid }) => state.relations.find((each) => each.oid === oid)!.name);
  const init = (state: SourceState, ...tables: RelationState[]) =>
    run(state, planInit(state, { ...WISH, tables }));

  it('is published by its root, FULL on its leaves alone', () => {
    const state = init(
      source({ relations: [root(true), leaf('a', 2, true), leaf('b', 3, true)] }),
      root(true),
    );
    expect(published(state)).toEqual(['root']);
    expect(state.relations.map((each) => each.identity)).toEqual(['default', 'full', 'full']);
  });

  it('without a key is published by its leaves, since updates of a later one would fail, and says so', () => {
    const before = source({ relations: [root(false), leaf('a', 2, false)] });
    const plan = planInit(before, { ...WISH, tables: [root(false)] });
    expect(published(run(before, plan))).toEqual(['a']);
    expect(plan.notices).toEqual([expect.stringMatching(/root has no primary key.*init again/)]);
  });

  it('a leaf that is published by itself later comes back as it was before all', () => {
    const before = source({ relations: [root(true), { ...leaf('a', 2, true), identity: 'nothing' }] });
    const state = init(init(before, root(true)), leaf('a', 2, true));
    expect(published(state)).toEqual(['root', 'a']);
    expect(run(state, planDrop(state, WISH))).toEqual(before);
  });
});

describe('new tables', () => {
  const before = source({ relations: [table('todo', 1), table('old', 2)] });
  const init = (tables: string) =>
    run(before, planInit(before, { ...WISH, tables: parseTableWish(tables), newTables: 'auto' }));
  const made = (state: SourceState, ...names: [string, number, Partial<RelationState>?][]): SourceState => ({
    ...state,
    relations: [...state.relations, ...names.map(([name, oid, part]) => table(name, oid, part))],
  });
  const tracked = (state: SourceState) =>
    planNewTables(state, 'colophon')?.tracked.map(({ name }) => name) ?? [];

  it('are those that nobody left out, by name, pattern or untracking', () => {
    const state = made(init('todo,!tmp_*'), ['new', 3], ['tmp_1', 4], ['odd', 5, { schema: 'x' }]);
    expect(tracked(state)).toEqual(['new', 'odd']);
    const whole = run(state, planNewTables(state, 'colophon')!);
    expect(planNewTables(whole, 'colophon')).toBeNull();
    const untracked = run(whole, planUntrack(whole, 'colophon', parseTableWish('new')));
    expect(tracked(untracked)).toEqual([]);
    const again = run(untracked, planTrack(untracked, { ...WISH, tables: parseTableWish('new,old') }));
    expect(again.publication!.memory).toMatchObject({ newTables: { skipped: [] } });
    expect(again.publication!.memory).not.toHaveProperty('untracked');
    const dropped = run(again, planDrop(again, WISH));
    expect(dropped.relations.map(({ identity }) => identity)).toEqual(state.relations.map(() => 'default'));
  });

  it('are those of the patterns alone, where there are some', () => {
    const state = made(init('todo,public.t*'), ['tree', 3], ['other', 4]);
    expect(tracked(state)).toEqual(['tree']);
  });

  it('what was wanted and could not be tracked is new once it can', () => {
    const unlogged = source({
      relations: [table('todo', 1), table('light', 2, { persistence: 'unlogged' })],
    });
    const state = run(unlogged, planInit(unlogged, { ...WISH, newTables: 'auto' }));
    expect(tracked(state)).toEqual([]);
    expect(planNewTables(state, 'colophon')!.leftOut).toMatchObject([{ table: { name: 'light' } }]);
    const relations = state.relations.map((each) => ({ ...each, persistence: 'permanent' as const }));
    expect(tracked({ ...state, relations })).toEqual(['light']);
  });

  it("a trigger's table, remembered nowhere, gets DEFAULT back; one that was FULL before stays so", () => {
    const full = source({ relations: [table('todo', 1, { identity: 'full' })] });
    const state = made(run(full, planInit(full, { ...WISH, newTables: 'auto' })), [
      'new',
      3,
      { identity: 'full' },
    ]);
    const entry = { oid: 3, hasRowFilter: false, hasColumnList: false };
    const publication = { ...state.publication!, tables: [...state.publication!.tables, entry] };
    const chosen = run({ ...state, publication }, planInit({ ...state, publication }, WISH));
    for (const one of [{ ...state, publication }, chosen]) {
      expect(run(one, planDrop(one, WISH)).relations.map(({ identity }) => identity)).toEqual([
        'full',
        'default',
      ]);
    }
  });
});

it('on 14 to 17 says nothing of generated columns', () => {
  const sql = planInit(source({ server: { ...SERVER, major: 17 } }), WISH).steps[0]!.sql;
  expect(sql).not.toContain('generated');
  expect(planInit(source(), WISH).steps[0]!.sql).toContain('publish_generated_columns = stored');
});

it('makes a failover slot where the server knows them, unless told otherwise', () => {
  const slotSql = (major: number, failover: boolean): string =>
    planInit(source({ server: { ...SERVER, major } }), { ...WISH, failover }).steps.at(-1)!.sql;
  expect(slotSql(18, true)).toContain('failover => true');
  expect(slotSql(17, true)).toContain('failover => true');
  expect(slotSql(16, true)).not.toContain('failover');
  expect(slotSql(18, false)).not.toContain('failover');
});
