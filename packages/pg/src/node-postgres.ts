/**
 * The members of node-postgres that are used, by shape: the application brings the package, perhaps several copies of it.
 * All are there from pg 8.11 on; the older name of the queue is `queryQueue`.
 */

/** What is queued on a client: a `Query`, a cursor, a stream or an application's own. */
export interface Submittable {
  text?: unknown;
  name?: unknown;
  callback?: unknown;
  submit(connection: ConnectionLike): unknown;
  requiresPreparation?: unknown;
  listenerCount?(event: string): number;
}

export interface BackendMessage {
  name: string;
  text?: string;
  status?: string;
  code?: string;
  position?: string;
  fields?: readonly unknown[];
  parameterName?: string;
  parameterValue?: string;
}

export interface ConnectionLike {
  stream: { write(data: Uint8Array): unknown; cork?(): void; uncork?(): void; writable: boolean };
  parsedStatements: Record<string, string>;
  submittedNamedStatements?: Record<string, string>;
  emit(event: string, ...args: unknown[]): boolean;
  parse(query: { text: string; name?: string }, more?: boolean): unknown;
  bind(config: { statement?: string }, more?: boolean): unknown;
  execute(config: unknown, more?: boolean): unknown;
  query(text: string): unknown;
  sync(): unknown;
}

export interface ClientLike {
  connection: ConnectionLike;
  processID: number | null;
  database?: string;
  replication?: unknown;
  pipeline?: boolean;
  _queryQueue?: Submittable[];
  queryQueue?: Submittable[];
  _activeQuery?: Submittable | null;
  activeQuery?: Submittable | null;
  _sentQueryQueue?: Submittable[];
  _connected?: boolean;
  _txStatus?: string | null;
  connect(callback?: (...args: unknown[]) => void): unknown;
  query(...args: unknown[]): unknown;
}

/** Who waits for a connection. */
export interface PendingLike {
  callback?: (this: unknown, ...args: unknown[]) => unknown;
}

export interface PoolLike {
  Client: { prototype: object };
  _clients: ClientLike[];
  _pendingQueue: object[];
  connect(callback?: (...args: unknown[]) => void): unknown;
  query(...args: unknown[]): unknown;
  newClient(pending: PendingLike): unknown;
  emit(event: string, ...args: unknown[]): boolean;
  listenerCount(event: string): number;
}

/** Whether it is a pool, of whatever copy of pg-pool. */
export function isPool(target: object): target is PoolLike {
  const pool = target as Partial<PoolLike>;
  return (
    typeof pool.newClient === 'function' && Array.isArray(pool._clients) && typeof pool.connect === 'function'
  );
}

/** Whether it is a client in JavaScript, of whatever copy of pg. */
export function isClient(target: object): target is ClientLike {
  const client = target as Partial<ClientLike>;
  return (
    typeof client.connection?.parse === 'function' && typeof client.query === 'function' && isQueue(client)
  );
}

/** Whether it is a client of pg-native, or a class of such. */
export function isNative(target: object): boolean {
  return 'namedQueries' in target || ('_pulseQueryQueue' in target && !('_attachListeners' in target));
}

function isQueue(client: Partial<ClientLike>): boolean {
  return '_queryQueue' in client ? Array.isArray(client._queryQueue) : Array.isArray(client.queryQueue);
}

/** The client's queue of what is not yet sent. Asking for `queryQueue` first would print a deprecation. */
export function queueOf(client: ClientLike): Submittable[] {
  return ('_queryQueue' in client ? client._queryQueue : client.queryQueue)!;
}

/** A query that pg itself made or that behaves as such: it can be submitted once more. */
export function isPlain(query: Submittable): boolean {
  return typeof query.requiresPreparation === 'function';
}
