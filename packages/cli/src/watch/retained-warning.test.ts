import type { ConsumerStatus } from '@colophon/core';
import { ColophonError } from '@colophon/protocol';
import type { SlotState } from '@colophon/setup';
import { expect, it } from 'vitest';
import { RetainedWarning } from './retained-warning.js';

const MIB = 2 ** 20;
const slot = (retainedMib: number, more: Partial<SlotState> = {}) =>
  ({
    retainedBytes: retainedMib * MIB,
    lagBytes: 0,
    maxRetainedBytes: null,
    walStatus: 'extended',
    activePid: 7,
    ...more,
  }) as SlotState;
const streaming = { state: 'streaming', lastError: null } as ConsumerStatus;

it('warns once a crossing, and again only after it was well below', () => {
  const warning = new RetainedWarning('colophon', 100 * MIB);
  const told = [10, 99, 100, 150, 90, 101, 99, 81, 120, 79, 99, 100, 5_000].map((retained) =>
    warning.look(slot(retained), streaming) === null ? '' : retained,
  );
  expect(told.filter((retained) => retained !== '')).toEqual([100, 100]);
});

it('warns at half of what the server keeps, where that is less than asked for', () => {
  const warning = new RetainedWarning('colophon', 1024 * MIB);
  expect(warning.look(slot(99, { maxRetainedBytes: 200 * MIB }), streaming)).toBeNull();
  const told = warning.look(slot(100, { maxRetainedBytes: 200 * MIB }), streaming);
  expect(told).toMatchObject({
    code: 'WAL_RETAINED',
    details: { retainedBytes: 100 * MIB, markBytes: 100 * MIB },
  });
  expect(told?.message).toContain('beyond 200 MiB the slot is lost');
});

it('warns anew when the slot is about to be lost', () => {
  const warning = new RetainedWarning('colophon', 100 * MIB);
  const looks = [
    slot(150),
    slot(150),
    slot(200, { walStatus: 'unreserved' }),
    slot(201, { walStatus: 'unreserved' }),
  ];
  const told = looks.map((look) => warning.look(look, streaming)?.message ?? '');
  expect(told.map((message) => message.includes('next checkpoint'))).toEqual([false, false, true, false]);
  expect(told.filter((message) => message !== '')).toHaveLength(2);
});

it('never warns at 0', () => {
  expect(
    new RetainedWarning('colophon', 0).look(slot(1e9, { walStatus: 'unreserved' }), streaming),
  ).toBeNull();
});

it.each([
  ['waits', { state: 'waiting', lastError: null }, {}, 'backend process 7'],
  ['tries again', { state: 'retrying', lastError: new ColophonError('SINK_FAILED', 'x') }, {}, 'SINK_FAILED'],
  ['is behind', streaming, { lagBytes: 90 * MIB }, 'behind'],
  ['is up to date', streaming, {}, 'pg_stat_activity'],
] as const)('names the way out where it %s', (_, status, more, words) => {
  const told = new RetainedWarning('colophon', MIB).look(slot(100, more), status as ConsumerStatus);
  expect(told?.message).toContain(words);
  expect(told?.message).toContain('colophon drop');
  expect(told?.message).not.toContain('\n');
});
