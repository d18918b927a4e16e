/**
 * The members of TypeORM that are used, by shape: the application brings the package, 0.3 or 1, perhaps several copies of it.
 */

/** A data source. Its `driver` has pools only where `options.type` is `postgres`. */
export interface DataSourceLike {
  readonly options: { readonly type: string };
  readonly driver: object;
  readonly subscribers: readonly unknown[];
}

/** The driver of a PostgreSQL data source: one pool, or one and its replicas; others after every `initialize()`. */
export interface PostgresDriverLike {
  readonly master?: object;
  readonly slaves?: readonly object[];
}

/** What every event of TypeORM's has; `connection` and `dataSource` are one, by its older and its newer name. */
export interface EventLike {
  readonly connection?: DataSourceLike;
  readonly dataSource?: DataSourceLike;
}

/** What builds a data source's subscribers, entities and migrations, in this order. */
export interface MetadataBuilderLike {
  readonly connection?: DataSourceLike;
  readonly dataSource?: DataSourceLike;
  buildEntityMetadatas(...args: unknown[]): Promise<unknown>;
}

/** Where the decorators of all copies of TypeORM keep what they saw. */
export interface MetadataArgsStorageLike {
  readonly entitySubscribers: { readonly target: unknown }[];
}
