import { setTimeout as sleep } from 'node:timers/promises';
import { type ChangeFilter, filterConditions } from './change-filter.js';
import { ChangeQuery } from './change-query.js';
import type { ChangeRow } from './change-row.js';
import type { Run } from './paged-query.js';

/** How changes are followed. */
export interface FollowOptions extends Omit<ChangeFilter, 'after' | 'before' | 'to'> {
  /** Begins after this `seq`. Default: only what is stored from now on. */
  readonly after?: bigint | number;
  /** Ends it. */
  readonly signal?: AbortSignal;
  /** How often to look, in milliseconds. Default 200: for a person at once, and one row read. */
  readonly pollMs?: number;
}

const DEFAULT_POLL_MS = 200;

/**
 * Changes as they are stored, oldest first, without end. It looks at the sources' positions every 200 ms instead of
 * being notified: NOTIFY takes a lock of the whole database until its commit is on disk, for which an application that
 * notifies in the same database would wait. Each source has a mark of its own: the numbers of two sources that are
 * written at once don't become visible in their order.
 */
export async function* followChanges(
  run: Run,
  options: FollowOptions,
): AsyncGenerator<ChangeRow, void, undefined> {
  const { after, signal, pollMs = DEFAULT_POLL_MS, ...filter } = options;
  const marks = new Map<number, bigint>();
  const read = async () => {
    const rows = await run('SELECT source_id, coalesce(last_seq, 0) AS last FROM colophon.positions', []);
    return rows.map((row) => ({ id: row.source_id as number, last: BigInt(row.last as string) }));
  };
  if (after === undefined) for (const { id, last } of await read()) marks.set(id, last);
  const start = BigInt(after ?? 0);
  const isEnded = () => signal?.aborted === true;
  while (!isEnded()) {
    for (const { id, last } of await read()) {
      const mark = marks.get(id) ?? start;
      if (last <= mark) continue;
      const conditions = filterConditions({ ...filter, after: mark });
      conditions.add(`r.seq <= ${conditions.parameter(last.toString())}`);
      conditions.add(`s.source_id = ${conditions.parameter(id)}`);
      for await (const row of new ChangeQuery(run, conditions, 'oldest', Number.POSITIVE_INFINITY)) {
        if (isEnded()) return;
        yield row;
      }
      marks.set(id, last);
    }
    await sleep(pollMs, undefined, signal === undefined ? {} : { signal }).catch(() => {});
  }
}
