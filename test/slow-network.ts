import net from 'node:net';

/** A network before a server that takes no more than so many bytes a second, either way. */
export interface SlowNetwork {
  /** The database's URL through it. */
  readonly url: string;
  close(): Promise<void>;
}

/** Starts one before the database at this URL. */
export async function slowNetwork(databaseUrl: string, bytesPerSecond: number): Promise<SlowNetwork> {
  const target = new URL(databaseUrl);
  const sockets = new Set<net.Socket>();
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(target.port), target.hostname);
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    pass(client, upstream, bytesPerSecond);
    pass(upstream, client, bytesPerSecond);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(databaseUrl);
  url.port = String((server.address() as net.AddressInfo).port);
  return {
    url: url.href,
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      return closed;
    },
  };
}

function pass(from: net.Socket, to: net.Socket, bytesPerSecond: number): void {
  from.on('data', (chunk) => {
    to.write(chunk);
    from.pause();
    setTimeout(() => from.resume(), (chunk.length / bytesPerSecond) * 1000);
  });
}
