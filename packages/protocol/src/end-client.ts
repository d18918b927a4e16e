const GRACE_MS = 1_000;

/** What is used of a client's socket. */
interface ClientSocket {
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly writableLength: number;
  destroy(): void;
}

/** Says goodbye, and doesn't wait for a network that no longer answers. */
export async function endClient(client: { end(): Promise<unknown> }): Promise<void> {
  const timer = setTimeout(() => socketOf(client).destroy(), GRACE_MS);
  await client.end().catch(() => {});
  clearTimeout(timer);
}

/** The client's socket: node-postgres gives it to nobody. */
export function socketOf(client: object): ClientSocket {
  return (client as { connection: { stream: ClientSocket } }).connection.stream;
}
