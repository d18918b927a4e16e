import type pg from 'pg';
import { type ConnectOptions, connectStore } from './connect-store.js';
import { endClient, socketOf } from './end-client.js';

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
    if (!(await isAtWork(patience)) && moved === movement() && isWaiting) {
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

/** Whether the backend does anything but wait for us. */
async function isAtWork({ connect, backendPid }: Patience): Promise<boolean> {
  try {
    const client = await connectStore(connect);
    try {
      const { rows } = await client.query(
        `SELECT wait_event IS DISTINCT FROM 'ClientRead' AS is_at_work FROM pg_stat_activity WHERE pid = $1`,
        [backendPid],
      );
      return rows[0]?.is_at_work === true;
    } finally {
      await endClient(client);
    }
  } catch {
    return false;
  }
}
