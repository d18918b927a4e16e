import { ColophonError } from '@colophon/protocol';
import type pg from 'pg';
import {
  type BaselineRowsOptions,
  type BaselineStatus,
  readBaselineRows,
  readBaselines,
  type StoredBaselineRow,
} from './baseline/read-baselines.js';
import { connectStore, createStorePool } from './connection/connect-store.js';
import { errorState, storeError } from './connection/store-error.js';
import { checkStoreVersion, STORE_VERSION } from './migrate/store-version.js';
import { type ChangeFilter, filterConditions } from './query/change-filter.js';
import { ChangeQuery } from './query/change-query.js';
import type { ChangeRow } from './query/change-row.js';
import { type ContextShare, type ContextShareFilter, readContextShares } from './query/context-share.js';
import { type DdlOptions, DdlQuery } from './query/ddl-query.js';
import { type FollowOptions, followChanges } from './query/follow-changes.js';
import { type GapFilter, type GapRow, readGaps } from './query/gap-row.js';
import type { RowKey } from './query/key-condition.js';
import type { ChangeOrder } from './query/paged-query.js';
import { readStatus, type StoreStatus } from './query/store-status.js';
import { type Activity, type ActivitySource, readActivity } from './query/table-activity.js';
import {
  applyRetention,
  planRetention,
  type RetentionPart,
  type RetentionWish,
} from './retention/retention.js';
import { explainRefusal, type RoleRights, readRoleRights } from './rights/missing-rights.js';
import type { RoleKind } from './rights/store-rights.js';

/** How a store is opened for reading. */
export interface OpenStoreOptions {
  /** Shown in `pg_stat_activity`. Default `colophon`. */
  readonly applicationName?: string;
  /** Largest number of connections. Default 4. */
  readonly maxConnections?: number;
}

/** Which changes, how many, in which order. */
export interface ChangesOptions extends ChangeFilter {
  /** Default `newest` first. */
  readonly order?: ChangeOrder;
  /** Default: all. */
  readonly limit?: number;
}

const DEFAULT_MAX_CONNECTIONS = 4;
/** A value that isn't what its option asks for: a time, an id. */
const BAD_VALUE = /^22/;

/**
 * Opens a store for reading. Fails with `STORE_MISSING`, `STORE_OUTDATED`, `STORE_TOO_NEW`, `CONNECTION_FAILED`,
 * `AUTHENTICATION_FAILED`, `DATABASE_MISSING`, `PRIVILEGE_MISSING`.
 */
export async function openStore(url: string, options: OpenStoreOptions = {}): Promise<Store> {
  const { applicationName = 'colophon', maxConnections = DEFAULT_MAX_CONNECTIONS } = options;
  // Not the pool's first: a pool can't tell a missing password from a server out of reach.
  const client = await connectStore({ url, applicationName });
  try {
    await checkStoreVersion(client);
  } catch (error) {
    throw await explainRefusal(storeError(error, 'The store could not be opened'), client, 'reader');
  } finally {
    await client.end().catch(() => {});
  }
  return new Store(createStorePool({ url, applicationName, max: maxConnections }));
}

/** A store's queries. */
export class Store {
  readonly #pool: pg.Pool;

  /** Use `openStore`. */
  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Changes, newest first unless asked otherwise. `for await` reads them in pages, `await` gives an array. */
  changes(options: ChangesOptions = {}): ChangeQuery {
    const { order = 'newest', limit = Number.POSITIVE_INFINITY, ...filter } = options;
    return new ChangeQuery(this.#run, filterConditions(filter), order, limit);
  }

  /** All changes of one row, oldest first, also those from when it had this key and another afterwards. */
  history(table: string, key: RowKey, options: Omit<ChangesOptions, 'table' | 'key'> = {}): ChangeQuery {
    return this.changes({ order: 'oldest', ...options, table, key });
  }

  /** Commands that changed the schema or a publication, newest first unless asked otherwise. */
  ddl(options: DdlOptions = {}): DdlQuery {
    return new DdlQuery(this.#run, options);
  }

  /** Changes as they are stored, without end; `signal` ends it. */
  follow(options: FollowOptions = {}): AsyncGenerator<ChangeRow, void, undefined> {
    return followChanges(this.#run, options);
  }

  /** The gaps in what is stored, in the order in which they were found: none where everything since `init` is accounted for. */
  gaps(filter: GapFilter = {}): Promise<GapRow[]> {
    return readGaps(this.#run, filter);
  }

  /** How many of the latest changes of the last day have a context, by table. */
  contextShares(filter: ContextShareFilter = {}): Promise<ContextShare[]> {
    return readContextShares(this.#run, filter);
  }

  /** How far each source is stored, and how large the store is. Reads no records. */
  status(): Promise<StoreStatus> {
    return readStatus(this.#run, STORE_VERSION);
  }

  /** How much was stored of each table in the last 24 hours; an estimate where that was much. */
  activity(source: ActivitySource): Promise<Activity> {
    return readActivity(this.#run, source);
  }

  /** The copies of tables that were made, finished or not, the oldest of a table first. */
  baselines(): Promise<BaselineStatus[]> {
    return readBaselines(this.#run);
  }

  /** The rows of a copy, by the number that `baselines` gives it; none of a copy that isn't complete. */
  baselineRows(
    baseline: number,
    options: BaselineRowsOptions = {},
  ): AsyncGenerator<StoredBaselineRow, void, undefined> {
    return readBaselineRows(this.#run, baseline, options);
  }

  /**
   * What retention would let go, the oldest first; the first month that is held ends it. Reads all that would go, changes
   * nothing. Needs the rights of `colophon role retention`, as `applyRetention` does.
   */
  planRetention(wish: RetentionWish): Promise<RetentionPart[]> {
    return planRetention(this.#pool, wish);
  }

  /**
   * Lets it go, month by month, each in a transaction of its own that also notes it in `colophon.retentions`; `onPart` is
   * told of each. Whoever stores or reads meanwhile waits half a second at most. Fails with `LOCK_TIMEOUT` (retryable)
   * where a month stays in use.
   */
  applyRetention(wish: RetentionWish, onPart: (part: RetentionPart) => void = () => {}): Promise<void> {
    return applyRetention(this.#pool, wish, onPart);
  }

  /** What the connected role may do, and what it lacks to be of this kind. */
  async rights(kind: RoleKind): Promise<RoleRights> {
    const rights = await readRoleRights(this.#pool, kind).catch((error: unknown) => {
      throw storeError(error, 'The store could not be read');
    });
    return rights!;
  }

  /** Ends the connections. */
  async close(): Promise<void> {
    await this.#pool.end();
  }

  readonly #run = async (sql: string, values: unknown[]): Promise<Record<string, unknown>[]> => {
    try {
      return (await this.#pool.query(sql, values)).rows;
    } catch (error) {
      if (BAD_VALUE.test(errorState(error))) {
        throw new ColophonError(
          'INVALID_OPTION',
          'A value of the filter is not what PostgreSQL reads there; check times and ids.',
          {
            details: { sqlstate: errorState(error) },
          },
        );
      }
      throw await explainRefusal(storeError(error, 'The store could not be read'), this.#pool, 'reader');
    }
  };
}
