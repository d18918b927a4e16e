import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { ColophonError, connectClient, tlsChoice } from '@colophon/protocol';
import pg from 'pg';
import { connectionError } from './connection-error.js';
import type { Deadline } from './deadline.js';

/** What a connection is to do, for messages and `pg_stat_activity`. */
export interface ConnectOptions {
  /** `postgres://user:password@host:port/database`. */
  url: string;
  /** What the URL is of, for messages: `source` or `store`; `origin` of an import. */
  role: 'source' | 'store' | 'origin';
  deadline: Deadline;
}

/** Who answers at the other end, as far as this end can tell. */
export interface Peer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly isEncrypted: boolean;
  /** Whether the certificate is of an authority that is known here. */
  readonly isVerified: boolean;
  /** The process id that the other end gave: the server's own, where nothing stands between. */
  readonly processId: number;
}

/** An ordinary connection whose statements end with the deadline and whose errors are ColophonErrors. */
export interface Connection {
  /** Which server and database, without user and password: `source 127.0.0.1:5432/app`. */
  readonly target: string;
  readonly peer: Peer;
  /** Runs a statement, or several as one transaction. Every error is a ColophonError; the server's own have `details.sqlstate`. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

/** The oldest major that Colophon reads. */
export const OLDEST_MAJOR = 14;

/**
 * Connects within the deadline. Throws `INVALID_OPTION` (the URL), `CONNECTION_FAILED`, `AUTHENTICATION_FAILED`,
 * `DATABASE_MISSING`, `UNSUPPORTED_SERVER` (older than 14, known from the handshake alone), `TIMEOUT`.
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const { role, deadline } = options;
  checkUrl(options.url, role);
  const { url, ssl, sslnegotiation } = tlsChoice(options.url, role);
  let client: pg.Client;
  try {
    client = new pg.Client({
      connectionString: url,
      ...(ssl !== undefined && { ssl }),
      ...(sslnegotiation && { sslnegotiation }),
      application_name: 'colophon',
    });
  } catch {
    throw urlError(role);
  }
  const target = `${role} ${client.host}:${client.port}/${client.database ?? ''}`;
  let serverVersion = '';
  const wire = (client as unknown as { connection: NodeJS.EventEmitter & { stream: Socket } }).connection;
  wire.on('parameterStatus', (status: { parameterName: string; parameterValue: string }) => {
    if (status.parameterName === 'server_version') serverVersion = status.parameterValue;
  });
  let lost: unknown;
  client.on('error', (error) => {
    lost = error;
  });
  try {
    await deadline.race(connectClient(client, target), target);
    checkVersion(serverVersion, target);
  } catch (error) {
    // A polite end would wait for a host that never answers.
    wire.stream.destroy();
    throw connectionError(error, target);
  }
  return {
    target,
    peer: peerOf(client, wire.stream),
    async query(sql, values) {
      try {
        return (await deadline.race(client.query(sql, values), target)).rows;
      } catch (error) {
        throw connectionError(error instanceof pg.DatabaseError ? error : (lost ?? error), target);
      }
    },
    async close() {
      await deadline.race(client.end(), target).catch(() => {});
    },
  };
}

function peerOf(client: pg.Client, stream: Socket): Peer {
  const tls = stream instanceof TLSSocket ? stream : null;
  return {
    host: client.host,
    port: client.port,
    user: client.user ?? '',
    database: client.database ?? '',
    isEncrypted: tls !== null,
    isVerified: tls?.authorized === true,
    processId: (client as unknown as { processID: number }).processID,
  };
}

/** Where a URL leads, by itself and the variables of libpq; null where it can't be read. */
export function addressOf(url: string): Pick<Peer, 'host' | 'port' | 'user' | 'database'> | null {
  try {
    const { host, port, user, database } = new pg.Client({ connectionString: tlsChoice(url, 'source').url });
    return { host, port, user: user ?? '', database: database ?? '' };
  } catch {
    return null;
  }
}

/** Throws `INVALID_OPTION` for what can't be a connection URL, without repeating it. `role` is `source` or `store`. */
export function checkUrl(url: string, role: string): void {
  if (!/^(postgres|postgresql):\/\/.|^socket:./i.test(url)) throw urlError(role);
  const authority = /^postgres(?:ql)?:\/\/([^/?#]*)/i.exec(url)?.[1] ?? '';
  const port = /:([^:@\]]*)$/.exec(authority.slice(authority.lastIndexOf('@') + 1))?.[1];
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535)) {
    throw urlError(role);
  }
}

function urlError(role: string): ColophonError {
  return new ColophonError(
    'INVALID_OPTION',
    `The ${role}'s connection URL can't be read: it looks like postgres://user:password@host:5432/database, with special characters in the password percent-encoded.`,
  );
}

function checkVersion(version: string, target: string): void {
  const major = Number.parseInt(version, 10);
  if (major < OLDEST_MAJOR) {
    throw new ColophonError(
      'UNSUPPORTED_SERVER',
      `${target} is PostgreSQL ${version}, wanted ${OLDEST_MAJOR} or newer: upgrade the server.`,
      { details: { version } },
    );
  }
}
