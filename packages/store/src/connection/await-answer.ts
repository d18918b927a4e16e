import { endClient, socketOf } from '@colophon/protocol';
import type pg from 'pg';
import { type ConnectOptions, connectStore } from './connect-store.js';

/** How long the store may be silent while it is waited for. */
export interface Patience {
  readonly connect: ConnectOptions;
  /** Process id of the client's backend. */
  readonly backendPid: number;
  readonly timeoutMs: number;
  /** The connection was given up. */
  readonly onGivenUp: () => void;
}

/**
 * Waits for work on a connection, and ends the connection where nobody answers any more: packets are dropped silently
 * somewhere, and the system itself would notice in a quarter of an hour, behind a proxy never. Silence alone is no
 * sign: a flush may wait for a lock or a slow disk. So the server is asked over another connection what the backend does.
 * One that only waits for us is ended there, too: the transaction that it has open would block the same records, come again,
 * for as long as the server takes it for alive.
 */
export async function awaitAnswer<T>(
  client: pg.Client,
  patience: Patience,
  work: () => Promise<T>,
): Promise<T> {
  const socket = socketOf(client);
  const movement = (): string => `${socket.bytesRead}/${socket.bytesWritten - socket.writableLength}`;
  let moved = movement();
  let isAsking = false;
  const look = async (): Promise<void> => {
    const now = movement();
    const isSilent = now === moved;
    moved = now;
    if (!isSilent || isAsking) return;
    isAsking = true;
    const isDead = await endUnlessAtWork(patience, () => moved === movement() && isWaiting);
    if (isDead) {
      patience.onGivenUp();
      socket.destroy();
    }
    isAsking = false;
  };
  let isWaiting = true;
  const timer = setInterval(() => void look(), patience.timeoutMs);
  try {
    return await work();
  } finally {
    isWaiting = false;
    clearInterval(timer);
  }
}

/** Ends a backend that does nothing but wait for us, if all is `stillSilent`. Says whether the connection is to be given up. */
async function endUnlessAtWork(
  { connect, backendPid }: Patience,
  stillSilent: () => boolean,
): Promise<boolean> {
  try {
    const client = await connectStore(connect);
    try {
      const { rows } = await client.query(
        `SELECT wait_event IN ('ClientRead', 'ClientWrite') AS waits_for_us, usename = current_user AS is_ours
         FROM pg_stat_activity WHERE pid = $1`,
        [backendPid],
      );
      if (rows[0]?.waits_for_us === false || !stillSilent()) return false;
      // Behind a pooler the process id may by now be another's.
      if (rows[0]?.is_ours === true) await client.query('SELECT pg_terminate_backend($1)', [backendPid]);
    } finally {
      await endClient(client);
    }
  } catch {
    // A server that can't be asked is no reason to wait for it.
  }
  return stillSilent();
}
