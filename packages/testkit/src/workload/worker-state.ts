import type pg from 'pg';
import type { Random } from '../random.js';
import type { RunInContext, Session, StatedContext } from './session.js';

/** What a scenario works with. Ids of a worker are its own, so that workers meet only where a scenario wants it. */
export interface WorkerState {
  readonly worker: number;
  readonly random: Random;
  /** The instrumented pool, for statements without a session. */
  readonly pool: pg.Pool;
  readonly runInContext: RunInContext;
  /** A context of its own, sometimes null: no context. */
  context(): StatedContext;
  /** A context, never null. */
  named(): Readonly<Record<string, unknown>>;
  /** A new id; `count` consecutive ones. */
  newId(count?: number): number;
  /** An id that was given before, whose row may or may not be there. */
  oldId(): number;
}

/** One transaction of the workload, or a few statements outside any. Lost races may reject; its session is rolled back then. */
export type Scenario = (session: Session, state: WorkerState) => Promise<void>;

const ENDPOINTS = ['PUT /todo/7', 'POST /orders', 'job:nightly', 'GET /it\'s "quoted" \\ $1 */ --'];

/** State of a worker with random choices of its own. `share` is the probability that a context is none. */
export function workerState(
  worker: number,
  random: Random,
  pool: pg.Pool,
  runInContext: RunInContext,
): WorkerState {
  const base = 1_000_000 * (worker + 1);
  let next = 1;
  let contexts = 0;
  const named = (): Readonly<Record<string, unknown>> => ({
    user: random.integer(1, 50),
    endpoint: random.pick(ENDPOINTS),
    requestId: `${worker}-${contexts++}`,
    ...(random.chance(0.2)
      ? { note: random.text(30), nested: { list: [1.5, null, true, random.text(5)] } }
      : {}),
  });
  return {
    worker,
    random,
    pool,
    runInContext,
    named,
    context: () => (random.chance(0.2) ? null : named()),
    newId(count = 1) {
      const id = base + next;
      next += count;
      return id;
    },
    oldId: () => base + random.integer(Math.max(1, next - 60), next),
  };
}
