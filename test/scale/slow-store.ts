import net from 'node:net';

/** A network before the store that takes no more than so many bytes a second. */
export interface SlowStore {
  /** The store's URL through it. */
  readonly url: string;
  close(): Promise<void>;
}

/** Starts one before the store at this URL. */
export async function slowStore(storeUrl: string, bytesPerSecond: number): Promise<SlowStore> {
  const target = new URL(storeUrl);
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
    upstream.pipe(client);
    client.on('data', (chunk) => {
      upstream.write(chunk);
      client.pause();
      setTimeout(() => client.resume(), (chunk.length / bytesPerSecond) * 1000);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(storeUrl);
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
