import assert from 'node:assert/strict';
import type { ContractChange, ContractEnvironment } from './contract-environment.js';

/** A change as a case wants it: what happened to which row, and in whose name. */
export type WantedChange = readonly [
  operation: string,
  id: number,
  context: Readonly<Record<string, unknown>>,
];

/** Runs the consumer and fails unless exactly these changes were stored, in this order. */
export async function expectChanges(
  environment: ContractEnvironment,
  wanted: readonly WantedChange[],
): Promise<void> {
  const changes = await environment.changes();
  assert.deepEqual(changes.map(asWanted), wanted);
}

function asWanted({ operation, before, after, context }: ContractChange): WantedChange {
  return [operation, (operation === 'DELETE' ? before : after).id as number, context];
}

/** The error that `work` rejects with; fails where it doesn't. */
export async function rejection(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  return assert.fail('resolved, wanted a rejection');
}
