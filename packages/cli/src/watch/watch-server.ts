import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { ColophonError } from '@colophon/protocol';
import type { ListenAddress } from './listen-address.js';

/** What a page answers. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Pages by path. */
export type Pages = Readonly<Record<string, () => Promise<Answer>>>;

/** An answer as one JSON object. */
export function json(status: number, body: object): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(body)}\n` };
}

/** Serves a few pages to whoever watches. */
export class WatchServer {
  private readonly server: Server;
  private pages: Pages = {};

  private constructor() {
    this.server = createServer((request, response) => void this.answer(request, response));
  }

  /** Listens; nothing is served before `serve`. Throws `LISTEN_FAILED`. */
  static async listen({ host, port }: ListenAddress): Promise<WatchServer> {
    const watch = new WatchServer();
    await new Promise<void>((resolve, reject) => {
      watch.server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
      watch.server.listen(port, host, resolve);
    });
    watch.server.on('error', () => {});
    return watch;
  }

  /** From now on these pages are there. */
  serve(pages: Pages): void {
    this.pages = pages;
  }

  /** Listens no more, and waits for nobody. */
  end(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, type, body } = await this.find(request).catch(() => json(500, { error: 'failed' }));
    response.writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  private async find(request: IncomingMessage): Promise<Answer> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return json(405, { error: 'GET or HEAD' });
    const path = (request.url ?? '').split('?', 1)[0]!;
    const page = Object.hasOwn(this.pages, path) ? this.pages[path] : undefined;
    return page === undefined ? json(404, { pages: Object.keys(this.pages) }) : page();
  }
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): ColophonError {
  const reason =
    error.code === 'EADDRINUSE'
      ? 'another process listens there (a second colophon run?): stop that one, or give this one another --listen'
      : error.code === 'EACCES'
        ? 'this user may not: choose a port from 1024 on'
        : `${error.code ?? 'unknown reason'}: give --listen an address of this machine`;
  return new ColophonError('LISTEN_FAILED', `Cannot listen on ${host}:${port}: ${reason}.`, {
    cause: error,
    details: { port },
  });
}
