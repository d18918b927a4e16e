import type { ConsumerState, ConsumerStatus } from '@colophon/core';
import { ColophonError } from '@colophon/protocol';
import { expect, it } from 'vitest';
import { Pulse, readiness } from './health.js';

const status = (state: ConsumerState, more: Partial<ConsumerStatus> = {}) =>
  ({
    state,
    receivedLsn: 0n,
    changes: 0,
    queuedChanges: 0,
    reconnects: 0,
    lastError: null,
    ...more,
  }) as ConsumerStatus;

it.each([
  ['changes that wait for a store that takes nothing', status('streaming', { queuedChanges: 5 }), 0],
  ['a write that never comes to its flush', status('streaming'), 7],
  ['a connection that is never made', status('connecting'), 0],
  ['an end that never comes', status('stopping'), 0],
] as const)('is stuck after five minutes of %s', (_, stuck, written) => {
  const pulse = new Pulse();
  for (let nowMs = 0; nowMs < 300_000; nowMs += 5_000) {
    pulse.look(stuck, written, nowMs);
    expect(pulse.health(stuck, nowMs).isWell).toBe(true);
  }
  expect(pulse.health(stuck, 300_000)).toMatchObject({ isWell: false, code: 'STUCK' });
  // Anything that moves is life.
  pulse.look({ ...stuck, receivedLsn: 1n as ConsumerStatus['receivedLsn'] }, written, 300_001);
  expect(pulse.health(stuck, 300_001).isWell).toBe(true);
});

it.each([
  ['idle', () => status('streaming')],
  ['waiting', () => status('waiting')],
  ['trying again and again', (tries: number) => status('retrying', { reconnects: tries })],
] as const)('is not stuck while %s for days', (_, at) => {
  const pulse = new Pulse();
  for (let tries = 0; tries < 50_000; tries++) pulse.look(at(tries), 0, tries * 5_000);
  expect(pulse.health(at(50_000), 250_000_000).isWell).toBe(true);
});

it('is not well once it has ended', () => {
  const lastError = new ColophonError('SLOT_MISSING', 'There is no slot.');
  expect(new Pulse().health(status('failed', { lastError }), 0)).toEqual({
    isWell: false,
    state: 'failed',
    code: 'SLOT_MISSING',
    reason: 'There is no slot.',
  });
});

it('is ready while it reads or waits, and the store can be written to', () => {
  const down = new ColophonError('CONNECTION_FAILED', 'The store is down.');
  const ready = (state: ConsumerState, failure: ColophonError | null = null) =>
    readiness(status(state), failure);
  expect((['streaming', 'waiting'] as const).map((state) => ready(state).isWell)).toEqual([true, true]);
  for (const state of ['idle', 'connecting', 'retrying', 'stopping', 'stopped', 'failed'] as const) {
    expect(ready(state)).toMatchObject({ isWell: false, code: 'NOT_READY', state });
  }
  expect(ready('waiting', down)).toMatchObject({ isWell: false, code: 'CONNECTION_FAILED' });
});
