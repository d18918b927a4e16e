import type pg from 'pg';

const GRACE_MS = 1_000;

/** Says goodbye, and doesn't wait for a network that no longer answers. */
export async function endClient(client: pg.Client): Promise<void> {
  const timer = setTimeout(() => socketOf(client).destroy(), GRACE_MS);
  await client.end().catch(() => {});
  clearTimeout(timer);
}

/** The client's socket: node-postgres gives it to nobody. */
export function socketOf(client: pg.Client): import('node:net').Socket {
  return (client as unknown as { connection: { stream: import('node:net').Socket } }).connection.stream;
}
