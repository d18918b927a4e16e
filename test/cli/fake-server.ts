import net from 'node:net';

/** A TCP server that is not PostgreSQL. */
export interface FakeServer {
  url: string;
  close(): Promise<void>;
}

/** Takes connections and never says a word. */
export function silentServer(): Promise<FakeServer> {
  return listen(() => {});
}

/** Speaks the handshake as a server of this version would, and answers no statement. */
export function handshakeServer(version: string): Promise<FakeServer> {
  return listen((socket) => {
    socket.once('data', () => {
      socket.write(
        Buffer.concat([
          message('R', Buffer.from([0, 0, 0, 0])),
          message('S', Buffer.from(`server_version\0${version}\0`)),
          message('K', Buffer.alloc(8)),
          message('Z', Buffer.from('I')),
        ]),
      );
    });
  });
}

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

function listen(serve: (socket: net.Socket) => void): Promise<FakeServer> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.resume();
    serve(socket);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      resolve({
        url: `postgres://app:hunter22secret@127.0.0.1:${port}/app`,
        close: () =>
          new Promise((done) => {
            for (const socket of sockets) socket.destroy();
            server.close(() => done());
          }),
      });
    });
  });
}
