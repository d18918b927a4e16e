import { type Check, FINDINGS } from '@colophon/setup';
import { createDatabase, dropDatabase, type PostgresServer } from '@colophon/testkit';
import { expect } from 'vitest';
import { type Scenario, Scene } from './scene.js';

/**
 * Makes what the scenario says, asks doctor, does what it says for each finding, in the order in which it says it, and asks
 * again: the findings are gone, and nothing fails any more.
 */
export async function prove(server: PostgresServer, scenario: Scenario): Promise<void> {
  const { provokes, byHand = {}, nudge } = scenario;
  const url = await createDatabase(server.url());
  const scene = new Scene(server, url);
  try {
    await scenario.provoke(scene);
    const found = await scene.doctor();
    const wanted = found.filter(({ finding }) => finding !== null && provokes.includes(finding));
    expect(new Set(wanted.map(({ finding }) => finding)), show(found)).toEqual(new Set(provokes));
    for (const check of wanted) {
      const { check: name, verdict, why } = FINDINGS[check.finding!];
      expect(check).toMatchObject({ name, verdict, why, remedy: expect.stringMatching(/./) });
      expect(check.code === null).toBe(verdict === 'warn');
      const hand = byHand[check.finding!];
      expect(check.fix === null, `${check.finding}: ${check.remedy}`).toBe(hand !== undefined);
      await (hand === undefined ? scene.carryOut(check) : hand(scene, check));
    }
    await scenario.again?.(scene);
    let after = await scene.doctor();
    while (nudge !== undefined && remaining(after, scenario).length > 0) {
      await scene.sql(nudge);
      after = await scene.doctor();
    }
    expect(remaining(after, scenario)).toEqual([]);
    expect(
      after.filter(({ verdict, name }) => verdict === 'fail' && wanted.some((check) => check.name === name)),
    ).toEqual([]);
  } finally {
    await scene.end();
    await scenario.cleanUp?.(scene);
    scene.removeFolder();
    await dropDatabase(url);
  }
}

function remaining(checks: readonly Check[], { provokes }: Scenario): Check[] {
  return checks.filter(({ finding }) => finding !== null && provokes.includes(finding));
}

function show(checks: readonly Check[]): string {
  return checks
    .filter(({ verdict }) => verdict !== 'ok')
    .map(({ finding, message }) => `${finding}: ${message}`)
    .join('\n');
}
