import { parseLsn } from '@colophon/protocol';
import { expect, it } from 'vitest';
import { selfManaged } from '../provider/self-managed.js';
import type { ServerState, SlotState, SourceState } from '../source-state.js';
import { diagnoseFailover } from './diagnose-failover.js';
import { diagnoseVersion } from './diagnose-version.js';

const SERVER: ServerState = {
  version: '18.4',
  major: 18,
  walLevel: 'logical',
  isStandby: false,
  database: 'app',
  databaseOid: 5,
  systemIdentifier: '7',
  maxSlots: 10,
  usedSlots: 1,
  maxSenders: 10,
  usedSenders: 0,
  maxSlotWalKeepBytes: -1,
  idleSlotTimeoutSeconds: 0,
  standbySlots: [],
  synchronizedStandbySlots: [],
};
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
  confirmedFlushLsn: parseLsn('0/1'),
  retainedBytes: 0,
  lagBytes: 0,
  safeWalBytes: null,
  maxRetainedBytes: null,
  walEndLsn: parseLsn('0/1'),
};
const NAMES = { slot: 'colophon', publication: 'colophon' };
const STANDBY = { name: 'standby_1', isActive: true };

function failover(server: Partial<ServerState>, slot: Partial<SlotState> | null) {
  const state: SourceState = {
    server: { ...SERVER, ...server },
    role: { name: 'me', isSuperuser: false, canReplicate: true, canCreate: true },
    publication: null,
    slot: slot === null ? null : { ...SLOT, ...slot },
    ddl: { isCurrent: false, isThere: false, mayCreate: true, isOwned: true, others: [] },
    track: { isCurrent: false, isThere: false, isOwned: true, others: [] },
    relations: [],
  };
  return diagnoseFailover(state, NAMES, selfManaged);
}

it('a failover slot is fine with standbys and without', () => {
  expect(failover({}, {})).toMatchObject([{ name: 'failover', verdict: 'ok' }]);
  expect(failover({ standbySlots: [STANDBY], synchronizedStandbySlots: ['standby_1'] }, {})).toMatchObject([
    { verdict: 'ok' },
  ]);
});

it('an ordinary slot is fine as long as nothing could fail over', () => {
  expect(failover({}, { isFailover: false })).toEqual([]);
  expect(failover({ major: 16 }, { isFailover: null })).toEqual([]);
  expect(failover({ standbySlots: [STANDBY] }, null)).toEqual([]);
});

it('an ordinary slot beside a standby loses its place at a failover', () => {
  expect(failover({ standbySlots: [STANDBY] }, { isFailover: false })).toMatchObject([
    {
      verdict: 'warn',
      message: expect.stringContaining('standby_1'),
      remedy: expect.stringContaining('FAILOVER'),
    },
  ]);
  expect(failover({ major: 16, standbySlots: [STANDBY] }, { isFailover: null })).toMatchObject([
    { verdict: 'warn', remedy: expect.stringContaining('PostgreSQL 17') },
  ]);
});

it.each([
  ['gone', [], /standby_1 \(there is no such slot\)/],
  ['down', [{ ...STANDBY, isActive: false }], /standby_1 \(nobody follows by it\)/],
])('says when a synchronized standby that is %s holds the slot up', (_what, standbySlots, message) => {
  expect(failover({ standbySlots, synchronizedStandbySlots: ['standby_1'] }, {})).toMatchObject([
    { verdict: 'warn', message: expect.stringMatching(message) },
  ]);
});

it.each([
  ['14.17', 14, 'warn'],
  ['14.18', 14, 'ok'],
  ['15.4 (Debian 15.4-1)', 15, 'warn'],
  ['16.14', 16, 'ok'],
  ['17.4', 17, 'warn'],
  ['18.0', 18, 'ok'],
  ['19beta1', 19, 'ok'],
])('PostgreSQL %s', (version, major, verdict) => {
  expect(diagnoseVersion({ ...SERVER, version, major }).verdict).toBe(verdict);
});
