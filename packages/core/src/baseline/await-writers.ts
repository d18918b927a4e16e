import { setTimeout as pause } from 'node:timers/promises';
import { ColophonError } from '@colophon/protocol';
import type { SourceSession } from './source-session.js';
import { nameText, type SourceTable } from './source-tables.js';

const POLL_MS = 50;

const WRITERS = `SELECT DISTINCT l.virtualtransaction || ' ' || coalesce(l.pid, 0) AS id
FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_database d ON d.oid = l.database AND d.datname = current_database()
WHERE l.locktype = 'relation' AND l.relation = $1 AND l.granted
  AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
  AND l.pid IS DISTINCT FROM pg_backend_pid()`;

/**
 * Waits until every transaction has ended that holds a writer's lock on the table now, prepared ones too. What such
 * a transaction wrote before the table was published is in no stream, and not yet in a snapshot: it would be in neither the
 * baseline nor the changes. Who begins to write after this was called is in the stream whole. `TIMEOUT` after `timeoutMs`.
 */
export async function awaitWriters(
  session: SourceSession,
  table: SourceTable,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  onWait: (writers: number) => void,
): Promise<void> {
  const read = async () => (await session.query<{ id: string }>(WRITERS, [table.oid])).map(({ id }) => id);
  let waitingFor = new Set(await read());
  const giveUpAtMs = performance.now() + timeoutMs;
  while (waitingFor.size > 0) {
    onWait(waitingFor.size);
    if (performance.now() > giveUpAtMs) {
      throw new ColophonError(
        'TIMEOUT',
        `${nameText(table.schema, table.name)}: ${waitingFor.size} ${waitingFor.size === 1 ? 'transaction has' : 'transactions have'} been writing to it for longer than ${timeoutMs / 1000} s, and a baseline begins after these have ended: end them (pg_stat_activity, pg_prepared_xacts), or give a longer --timeout.`,
        { retryable: true },
      );
    }
    signal?.throwIfAborted();
    await pause(POLL_MS);
    const now = new Set(await read());
    waitingFor = new Set([...waitingFor].filter((id) => now.has(id)));
  }
}
