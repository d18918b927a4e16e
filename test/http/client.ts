import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { seen } from './express-app.js';

/** From now on `arrived <request id>` is told when a request's head is there. */
export function tellArrivals(server: http.Server): void {
  server.prependListener('request', (request) => seen.emit(`arrived ${request.headers['x-request-id']}`));
}

/** A server of a test's own, which tells arrivals. */
export async function listen(handler: http.RequestListener): Promise<http.Server> {
  const server = http.createServer(handler);
  tellArrivals(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

export const portOf = (server: http.Server): number => (server.address() as AddressInfo).port;

export async function close(server: http.Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}

export interface Call {
  method?: string;
  path: string;
  headers: Record<string, string>;
  /** Parts that are sent one after the other, the second only when the server has begun with the request. */
  body?: readonly string[];
}

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** Sends a request and gives the whole answer. */
export async function call(server: http.Server, agent: http.Agent, options: Call): Promise<Answer> {
  const { method = 'GET', path, headers, body = [] } = options;
  const request = http.request({ agent, method, path, headers, host: '127.0.0.1', port: portOf(server) });
  const answered = once(request, 'response') as Promise<[http.IncomingMessage]>;
  const [first, ...rest] = body;
  if (first !== undefined) {
    const arrived = once(seen, `arrived ${headers['x-request-id']}`);
    request.flushHeaders();
    request.write(first);
    await arrived;
    for (const part of rest) await new Promise((sent) => request.write(part, sent));
  }
  request.end();
  const [response] = await answered;
  let text = '';
  response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
  await once(response, 'end');
  return { status: response.statusCode ?? 0, headers: response.headers, body: text };
}

/** A file and a field, in parts that end in the middle of things. */
export const MULTIPART: readonly string[] = [
  '--xx\r\nContent-Disposition: form-data; name="title"\r\n\r\ntitle\r\n--xx\r\nContent-Dispos',
  'ition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nfirst ',
  'second\r\n--x',
  'x--\r\n',
];
