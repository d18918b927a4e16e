/**
 * The members of a Prisma Client that are used, by shape: the application generates its own. They are Prisma's internals, the same in 6.16 to 7.10; `checkClient` and
 * `bindCalls` look whether they still are, so that another version is refused instead of losing names.
 */

/** What a call gives: a promise that starts nothing until somebody waits for it. */
type PrismaPromise = PromiseLike<unknown>;

/** Makes the promise of a call. `callback` carries the call out, within the transaction that it is given. */
export type CreatePrismaPromise = (
  callback: (transaction?: unknown) => unknown,
  operation?: unknown,
) => PrismaPromise;

/** The object behind all clients that were made from each other by `$extends`: they inherit from it. */
export interface OriginalClient {
  _activeProvider: string;
  _clientVersion: string;
  _createPrismaPromise: CreatePrismaPromise;
  _extensions: unknown;
  _engine: Engine;
  _engineConfig: { adapter?: AdapterFactory | null };
  _requestHandler: RequestHandler;
  _runtimeDataModel: { models: Record<string, unknown> };
  $extends(extension: object): Callable & OriginalClient;
  /** The client that the callback of `$transaction` gets. */
  _createItxClient(this: AnyClient, ...args: unknown[]): Callable;
}

/** What an application calls: models by name, and raw SQL. */
type Callable = AnyClient & { $executeRawUnsafe(sql: string): PrismaPromise } & {
  [model: string]: { findMany(): PrismaPromise };
};

/** The original client, one made from it, or one of an interactive transaction. */
export interface AnyClient {
  _originalClient: OriginalClient;
  _appliedParent: unknown;
  _extensions: unknown;
}

/** Where a call goes once its arguments are known. Some calls of one tick leave it together. */
interface RequestHandler {
  request(params: { protocolQuery: ProtocolQuery }): Promise<unknown>;
}

export interface ProtocolQuery {
  action: string;
}

export interface TransactionInfo {
  id: string;
}

export interface BatchOptions {
  transaction?:
    | { kind: 'batch'; options: Record<string, unknown> }
    | { kind: 'itx'; options: TransactionInfo }
    | undefined;
}

/** What turns calls into SQL. */
export interface Engine {
  name: string;
  config: { transactionOptions: Record<string, unknown> };
  start(): Promise<void>;
  request(query: ProtocolQuery, options: object): Promise<unknown>;
  requestBatch(queries: ProtocolQuery[], options: BatchOptions): Promise<unknown[]>;
  transaction(action: 'start', headers: object, options: object): Promise<TransactionInfo>;
  transaction(action: 'commit' | 'rollback', headers: object, info: TransactionInfo): Promise<undefined>;
}

/** What `new PrismaPg(…)` gives. */
export interface AdapterFactory {
  adapterName: string;
  /** The pool that it was given; null where it makes one of its own at each `connect`. */
  externalPool: object | null;
  connect(): Promise<Adapter>;
}

/** What the factory's `connect` gives. `client` is the pool. */
export interface Adapter {
  client: object;
  dispose(): Promise<void>;
}
