import { setTimeout as pause } from 'node:timers/promises';
import { ColophonError } from '@colophon/protocol';
import type { LeftOut } from './choose-tables.js';
import type { Connection } from './connect.js';
import type { Deadline } from './deadline.js';
import type { Plan, Step } from './plan.js';
import { displayTable } from './table-name.js';
import { WITHOUT_TRACKING } from './tables/track-trigger.js';

/** How a plan is run. */
export interface ApplyOptions {
  /** Renewed after every step: long work goes on as long as each step comes to an end. */
  deadline: Deadline;
  /** Told before each step, which may have to wait for locks and open transactions. */
  onStart?: (step: Step) => void;
  /** Told after each step that was done. */
  onDone?: (step: Step) => void;
  /** How long a table's lock is waited for. Default 1,000: whoever wants the table meanwhile waits behind us. */
  lockTimeoutMs?: number;
  /** How often it is tried. Default 5, each time after a longer pause. */
  lockAttempts?: number;
}

/** What became of a plan. */
export interface ApplyResult {
  readonly done: readonly Step[];
  /** Tables that could not be locked: left as they were. */
  readonly leftOut: readonly LeftOut[];
  /** What the server refused, and the rest is right without. */
  readonly notices: readonly string[];
}

const DEFAULT_LOCK_TIMEOUT_MS = 1000;
const DEFAULT_LOCK_ATTEMPTS = 5;

/**
 * Runs the steps in order, each as a transaction of its own. A table that can't be locked is left out and the others go
 * on; steps without a table (the publication's end, the slot) follow only where the plan stays right without it.
 * Any other failure ends it: the error says what was done so far, and the same command goes on from there.
 */
export async function applyPlan(
  connection: Connection,
  plan: Plan,
  options: ApplyOptions,
): Promise<ApplyResult> {
  const { deadline } = options;
  const done: Step[] = [];
  const leftOut: LeftOut[] = [];
  const notices: string[] = [];
  const failedGroups = new Set<string>();
  let isPublishedStill = false;
  // The server gives up a little earlier than we do, so that nothing of ours goes on there after we left.
  const statementMs = Math.max(1, Math.floor(deadline.timeoutMs * 0.9));
  // The event trigger for new tables would publish a table as soon as its identity is set, before its own step.
  await connection.query(
    `SET statement_timeout = ${statementMs}; SET idle_in_transaction_session_timeout = 0; ${WITHOUT_TRACKING}`,
  );
  for (const step of plan.steps) {
    if (step.group !== null && failedGroups.has(step.group)) continue;
    // Without all tables put back, the publication must stay: its comment says what is still to do.
    if (leftOut.length > 0 && step.group === null && step.kind !== 'slot' && step.table === null) continue;
    // What is still published keeps an identity that its updates work with.
    if (isPublishedStill && step.kind === 'identity' && step.group === null) continue;
    options.onStart?.(step);
    deadline.renew();
    try {
      await runStep(connection, step, options);
      done.push(step);
      options.onDone?.(step);
    } catch (error) {
      if (step.ifRefused !== undefined && (error as ColophonError).code === 'PRIVILEGE_MISSING') {
        notices.push(step.ifRefused);
        continue;
      }
      if (step.table === null || !(error instanceof ColophonError) || error.code !== 'LOCK_TIMEOUT') {
        throw withHistory(error, step, done);
      }
      if (step.group !== null) failedGroups.add(step.group);
      if (step.kind === 'unpublish') isPublishedStill = true;
      leftOut.push({
        table: step.table,
        code: 'LOCK_TIMEOUT',
        reason: `${displayTable(step.table)} could not be locked within ${options.lockTimeoutMs ?? DEFAULT_LOCK_TIMEOUT_MS} ms, ${options.lockAttempts ?? DEFAULT_LOCK_ATTEMPTS} times.`,
      });
    }
  }
  deadline.renew();
  return { done, leftOut, notices };
}

async function runStep(connection: Connection, step: Step, options: ApplyOptions): Promise<void> {
  // A new slot waits for the transactions that are open, by their locks: that holds up nobody else.
  const lockTimeoutMs = step.kind === 'slot' ? 0 : (options.lockTimeoutMs ?? DEFAULT_LOCK_TIMEOUT_MS);
  await connection.query(`SET lock_timeout = ${lockTimeoutMs}`);
  // The publication, too, may be locked: by who adds a table to it in a transaction that is still open.
  const attempts = step.kind === 'slot' ? 1 : (options.lockAttempts ?? DEFAULT_LOCK_ATTEMPTS);
  for (let attempt = 1; ; attempt++) {
    try {
      await connection.query(step.sql);
      return;
    } catch (error) {
      const isLocked = error instanceof ColophonError && error.code === 'LOCK_TIMEOUT';
      if (!isLocked || attempt >= attempts) throw error;
      options.deadline.renew();
      // Lets those pass who queued behind our attempt.
      await pause(200 * attempt);
    }
  }
}

function withHistory(error: unknown, step: Step, done: readonly Step[]): unknown {
  if (!(error instanceof ColophonError)) return error;
  const history =
    done.length === 0
      ? 'Nothing was changed.'
      : `${done.length} ${done.length === 1 ? 'step was' : 'steps were'} done before; the same command again goes on from there.`;
  const what =
    step.kind === 'slot' && error.code === 'TIMEOUT'
      ? 'The replication slot could not be made in time: it waits for all transactions that are open (pg_stat_activity) to end; end them, or give a longer --timeout.'
      : `${step.table === null ? '' : `${displayTable(step.table)}: `}${error.message}`;
  return new ColophonError(error.code, `${what} ${history}`, {
    cause: error,
    retryable: error.retryable,
    details: { ...error.details, stepsDone: done.length },
  });
}
