import net from 'node:net';

/** A TCP proxy before a PostgreSQL server that counts what passes and can break it. */
export interface TcpProxy {
  readonly port: number;
  /** The same connection string, through the proxy and without TLS. */
  url(databaseUrl: string): string;
  /**
   * How often a client asked when all it had asked before was answered by a ReadyForQuery: request-response turns, of all connections, from the start.
   * Counted when asked, since an application hears of an error before the ReadyForQuery that follows it has passed.
   */
  turns(): number;
  /** How many pieces of data came from clients: one a write, unless TCP split or joined it. */
  requests(): number;
  /** How many connections clients opened, from the start; those that were refused, too. */
  connections(): number;
  readonly bytes: { toServer: number; toClient: number };
  /** Destroys all connections, on both sides. */
  cut(): void;
  /** Whether new connections are closed at once. */
  refuse(on: boolean): void;
  /** Stops passing anything on, with connections left open: a dead network. */
  pause(): void;
  resume(): void;
  /** From now on nothing passes on the connections there are, and nobody is told; new ones work: a half-open connection. */
  freeze(): void;
  /** Whether what the server says is dropped, on the connections there are and on new ones. */
  mute(on: boolean): void;
  /** Lets each piece of data wait for so long, and pass in pieces of at most so many bytes; null: as it comes. */
  slow(line: { delayMs: number; maxBytes: number } | null): void;
  /** Where connections lead from now on. */
  retarget(target: { host: string; port: number }): void;
  close(): Promise<void>;
}

const READY_FOR_QUERY = 'Z'.charCodeAt(0);
const TERMINATE = 'X'.charCodeAt(0);
const HEADER_BYTES = 5;

/** Starts a proxy before the server at `host` and `port`. */
export async function startProxy(first: { host: string; port: number }): Promise<TcpProxy> {
  let target = first;
  const pairs = new Set<[net.Socket, net.Socket]>();
  const frozen: net.Socket[] = [];
  const bytes = { toServer: 0, toClient: 0 };
  let turns = 0;
  let requests = 0;
  let connections = 0;
  let isRefusing = false;
  let isPaused = false;
  let isMute = false;
  let line: { delayMs: number; maxBytes: number } | null = null;

  const server = net.createServer((client) => {
    connections++;
    if (isRefusing) {
      client.destroy();
      return;
    }
    const upstream = net.connect(target.port, target.host);
    const pair: [net.Socket, net.Socket] = [client, upstream];
    pairs.add(pair);
    let isAsked = false;
    const watch = watchForReady(() => {
      isAsked = false;
    });
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    pass(client, upstream, (chunk) => {
      // Whether a client says goodbye before or after the last answer is chance, and nothing answers it.
      if (chunk[0] !== TERMINATE) {
        if (!isAsked) turns++;
        isAsked = true;
      }
      requests++;
      bytes.toServer += chunk.length;
      return true;
    });
    pass(upstream, client, (chunk) => {
      bytes.toClient += chunk.length;
      watch(chunk);
      return !isMute;
    });
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of pair) {
      socket.on('error', end);
      socket.on('close', end);
      if (isPaused) socket.pause();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as net.AddressInfo;

  return {
    port,
    bytes,
    turns: () => turns,
    requests: () => requests,
    connections: () => connections,
    url(databaseUrl) {
      const url = new URL(databaseUrl);
      url.hostname = '127.0.0.1';
      url.port = String(port);
      return url.href;
    },
    cut() {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
    },
    refuse(on) {
      isRefusing = on;
    },
    pause() {
      isPaused = true;
      for (const pair of pairs) for (const socket of pair) socket.pause();
    },
    resume() {
      isPaused = false;
      for (const pair of pairs) for (const socket of pair) socket.resume();
    },
    freeze() {
      for (const [client, upstream] of pairs) {
        for (const socket of [client, upstream]) {
          socket.removeAllListeners('data');
          socket.removeAllListeners('close');
          socket.pause();
        }
        frozen.push(client, upstream);
      }
      pairs.clear();
    },
    mute(on) {
      isMute = on;
    },
    slow(changed) {
      line = changed;
    },
    retarget(changed) {
      target = changed;
    },
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      for (const socket of frozen) socket.destroy();
      return closed;
    },
  };

  function pass(from: net.Socket, to: net.Socket, mayPass: (chunk: Buffer) => boolean): void {
    from.on('data', (chunk: Buffer) => {
      if (!mayPass(chunk)) return;
      if (line !== null) {
        void trickle(from, to, chunk);
      } else if (!to.write(chunk)) {
        from.pause();
        to.once('drain', () => {
          if (!isPaused) from.resume();
        });
      }
    });
  }

  /** The next chunk comes when this one has passed. */
  async function trickle(from: net.Socket, to: net.Socket, chunk: Buffer): Promise<void> {
    from.pause();
    for (let at = 0; at < chunk.length; ) {
      const piece = line === null ? chunk.subarray(at) : chunk.subarray(at, at + line.maxBytes);
      if (line !== null) await new Promise((resolve) => setTimeout(resolve, line?.delayMs ?? 0));
      to.write(piece);
      at += piece.length;
    }
    if (!isPaused) from.resume();
  }
}

/** Follows the server's messages by their headers alone, however TCP cuts them. */
function watchForReady(onReady: () => void): (chunk: Buffer) => void {
  const header = Buffer.alloc(HEADER_BYTES);
  let filled = 0;
  let bodyLeft = 0;
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (bodyLeft > 0) {
        const taken = Math.min(bodyLeft, chunk.length - at);
        bodyLeft -= taken;
        at += taken;
        if (bodyLeft === 0 && header[0] === READY_FOR_QUERY) onReady();
        continue;
      }
      header[filled++] = chunk[at++]!;
      if (filled === HEADER_BYTES) {
        filled = 0;
        bodyLeft = header.readUInt32BE(1) - 4;
      }
    }
  };
}
