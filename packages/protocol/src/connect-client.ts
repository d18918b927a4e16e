import { ColophonError } from './error.js';
import { quoteIdentifier } from './quote.js';
import { tlsError } from './tls/tls-error.js';

/** What is used of a client of node-postgres. */
export interface ConnectableClient {
  connect(): Promise<unknown>;
  readonly password?: unknown;
  readonly user?: string | undefined;
  readonly database?: string | undefined;
  /** Set where the connection is for replication. */
  readonly replication?: unknown;
}

interface WithConnection {
  readonly ssl?: unknown;
  readonly connection: {
    once(event: string, listener: () => void): unknown;
    readonly stream: { once(event: 'data', listener: (answer: Uint8Array) => void): unknown };
  };
}

const INSUFFICIENT_PRIVILEGE = '42501';
const NO_TLS = 'N'.charCodeAt(0);

/** How node-postgres names the server's three ways of asking for a password. */
const PASSWORD_REQUESTS = [
  'authenticationCleartextPassword',
  'authenticationMD5Password',
  'authenticationSASL',
];

/**
 * Connects a client of node-postgres. Where the server asks for a password and none is set, node-postgres fails without
 * a code of any kind: that is told from a server out of reach by the request itself, and rejects with
 * `AUTHENTICATION_FAILED`. A role without CONNECT is `PRIVILEGE_MISSING`. What goes wrong with TLS is `TLS_FAILED`. Every other failure stays as it is. `target` says which server, without a password.
 */
export async function connectClient(client: ConnectableClient, target: string): Promise<void> {
  const { connection, ssl } = client as unknown as WithConnection;
  let isAsked = false;
  let isRefused = false;
  if (ssl !== undefined && ssl !== false) {
    // The server's whole answer to the question for TLS: "S", or "N" for no.
    connection.stream.once('data', (answer) => {
      isRefused = answer.length === 1 && answer[0] === NO_TLS;
    });
  }
  for (const request of PASSWORD_REQUESTS) {
    connection.once(request, () => {
      isAsked = true;
    });
  }
  try {
    await client.connect();
  } catch (error) {
    const ofTls = tlsError(error, target, isRefused);
    if (ofTls !== undefined) throw ofTls;
    // A connection for replication lacks another right.
    const isOrdinary = client.replication === undefined || client.replication === null;
    if (isOrdinary && (error as { code?: unknown } | null)?.code === INSUFFICIENT_PRIVILEGE)
      throw connectMissing(client, target, error);
    // Empty counts as none: node-postgres refuses it. By now the password has what PGPASSWORD and .pgpass gave.
    const isSet = client.password !== null && client.password !== undefined && client.password !== '';
    throw isAsked && !isSet ? passwordMissing(target, error) : error;
  }
}

/** `AUTHENTICATION_FAILED`: the server asks for a password and there is none. */
export function passwordMissing(target: string, cause?: unknown): ColophonError {
  return new ColophonError(
    'AUTHENTICATION_FAILED',
    `${target} asks for a password and none is set: put it in the connection URL or in PGPASSWORD.`,
    { cause },
  );
}

function connectMissing(
  { user, database }: ConnectableClient,
  target: string,
  cause: unknown,
): ColophonError {
  const quoted = (name: string | undefined): string => quoteIdentifier(name ?? '');
  return new ColophonError(
    'PRIVILEGE_MISSING',
    `${target} lets role ${quoted(user)} not into its database: GRANT CONNECT ON DATABASE ${quoted(database)} TO ${quoted(user)}.`,
    { cause, details: { sqlstate: INSUFFICIENT_PRIVILEGE } },
  );
}
