import {
  ColophonError,
  changeId,
  formatLsn,
  type Logger,
  parseLsn,
  type RememberedRelation,
  SILENT,
  type Sink,
  type SourceDescription,
  type StoredPosition,
  type TransactionPart,
} from '@colophon/protocol';
import type pg from 'pg';
import { connectStore } from './connection/connect-store.js';
import { errorState, OVERTAKEN, storeError } from './connection/store-error.js';
import { checkStoreVersion } from './migrate/store-version.js';
import { explainRefusal } from './rights/missing-rights.js';
import { Batch, type SegmentIds } from './write/batch.js';
import { advanceStatement, rememberStatement } from './write/flush-statements.js';
import { Pipeline } from './write/pipeline.js';

/** How a `PostgresStore` is made. */
export interface PostgresStoreOptions {
  /** Connection URL of the store's database; its schema `colophon` must be there (`migrateStore`). */
  readonly url: string;
  /** Shown in `pg_stat_activity`. Default `colophon`. */
  readonly applicationName?: string;
  /** Default: silent. */
  readonly logger?: Logger;
}

const SEGMENT_BLOCK_BITS = 32n;
const SEGMENT_BLOCK_HALF = 1n << (SEGMENT_BLOCK_BITS - 1n);
const PARTITIONS_EVERY_MS = 12 * 3_600_000;

/** An opened source. */
interface Session {
  readonly client: pg.Client;
  readonly pipeline: Pipeline;
  readonly source: SourceDescription;
  readonly sourceId: number;
  readonly ids: SegmentIds;
  /** The last id of this block that a new flush may begin with. */
  readonly renewIdsAt: bigint;
  version: bigint;
  partitionsMadeAtMs: number;
}

/**
 * The sink that keeps audit records in PostgreSQL. One connection; a flush is one database transaction of the records
 * and the position, sent in one turn. A flush that another consumer of the same source has overtaken stores nothing
 * (`STORE_BUSY`). Where a connection is lost during a flush, nobody knows whether it was committed: `open` reads the
 * true position, and a flush that the server commits only after that makes ours fail with `STORE_BUSY`, to be opened
 * again. So each change is stored once.
 *
 * Errors: `STORE_MISSING`, `STORE_OUTDATED`, `STORE_TOO_NEW`, `STORE_BUSY` (retryable), `CONNECTION_FAILED` and
 * `CONNECTION_LOST` (retryable), `AUTHENTICATION_FAILED`, `DATABASE_MISSING`, `PRIVILEGE_MISSING`, `SINK_FAILED`.
 */
export class PostgresStore implements Sink {
  readonly #options: PostgresStoreOptions;
  readonly #logger: Logger;
  #session: Session | undefined;
  #batch: Batch | undefined;
  #relations: RememberedRelation[] = [];

  constructor(options: PostgresStoreOptions) {
    this.#options = options;
    this.#logger = options.logger ?? SILENT;
  }

  async open(source: SourceDescription): Promise<StoredPosition | null> {
    this.#drop();
    const { url, applicationName = 'colophon' } = this.#options;
    const client = await connectStore({ url, applicationName });
    try {
      await checkStoreVersion(client);
      const { rows } = await client.query('SELECT * FROM colophon.open_source($1, $2, $3, $4, $5)', [
        source.name,
        source.environment,
        source.database,
        source.systemIdentifier,
        source.slot,
      ]);
      const row = rows[0];
      const firstId = BigInt(row.segment_block) << SEGMENT_BLOCK_BITS;
      this.#session = {
        client,
        pipeline: new Pipeline(client),
        source,
        sourceId: row.source_id,
        ids: { next: firstId },
        renewIdsAt: firstId + SEGMENT_BLOCK_HALF,
        version: BigInt(row.version),
        partitionsMadeAtMs: Number.NEGATIVE_INFINITY,
      };
      // Later a right that was taken away is only warned of; at the start nothing is under way that it could stop.
      if ((await this.#makePartitions(this.#session)) === '42501') throw refusedPartitions();
      if (row.commit_lsn === null) return null;
      return {
        systemIdentifier: row.system_identifier,
        timeline: row.timeline,
        commitLsn: parseLsn(row.commit_lsn),
        endLsn: parseLsn(row.end_lsn),
      };
    } catch (error) {
      this.#session = undefined;
      const failure = await explainRefusal(
        storeError(error, 'The store could not be opened'),
        client,
        'consumer',
      );
      await client.end().catch(() => {});
      throw failure;
    }
  }

  async write(parts: readonly TransactionPart[]): Promise<void> {
    const session = this.#opened();
    const batch = (this.#batch ??= new Batch(session.pipeline, session.sourceId, session.ids));
    try {
      for (const part of parts) await batch.write(part);
      if (session.pipeline.failure !== undefined) throw session.pipeline.failure.error;
    } catch (error) {
      throw await this.#explain(this.#fail(error, batch));
    }
  }

  async flush(position: StoredPosition): Promise<void> {
    const session = this.#opened();
    const batch = this.#batch ?? new Batch(session.pipeline, session.sourceId, session.ids);
    const { sourceId, version } = session;
    const relations = this.#relations;
    try {
      await batch.commit((newestCommittedAt) => {
        const advance = { sourceId, version, position, changes: batch.changes, newestCommittedAt };
        return rememberStatement(sourceId, relations) + advanceStatement(advance);
      });
      this.#batch = undefined;
      this.#relations = this.#relations.slice(relations.length);
      session.version = version + 1n;
    } catch (error) {
      throw await this.#explain(this.#fail(error, batch));
    }
    // Between two flushes, where it holds nobody up; not at their start, where a consumer's latency is made.
    if (Date.now() - session.partitionsMadeAtMs >= PARTITIONS_EVERY_MS) await this.#makePartitions(session);
    if (session.ids.next >= session.renewIdsAt) this.#drop();
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.#batch = undefined;
    this.#relations = [];
    // In the middle of a COPY there is no farewell: PostgreSQL rolls back when the connection ends.
    await session?.client.end().catch(() => {});
  }

  async recallRelations(): Promise<readonly RememberedRelation[]> {
    const { client, sourceId } = this.#opened();
    try {
      const { rows } = await client.query(
        `SELECT oid::bigint::text AS oid, "schema", "table", root_schema, root_table, key_columns
         FROM colophon.relations WHERE source_id = $1 ORDER BY relations.oid`,
        [sourceId],
      );
      return rows.map((row) => ({
        oid: Number(row.oid),
        schema: row.schema,
        table: row.table,
        rootSchema: row.root_schema,
        rootTable: row.root_table,
        keyColumns: row.key_columns,
      }));
    } catch (error) {
      throw await this.#explain(this.#fail(error, undefined));
    }
  }

  async rememberRelations(relations: readonly RememberedRelation[]): Promise<void> {
    this.#relations = [...this.#relations, ...relations];
  }

  #opened(): Session {
    const session = this.#session;
    if (session === undefined) {
      throw new ColophonError(
        'CONNECTION_LOST',
        'The store is not open; open it, and resume from its position.',
        {
          retryable: true,
        },
      );
    }
    return session;
  }

  /** The next `open` reads what is true: a connection on which something failed may be in any state. */
  #drop(): void {
    const session = this.#session;
    this.#session = undefined;
    this.#batch = undefined;
    session?.client.end().catch(() => {});
  }

  #fail(error: unknown, batch: Batch | undefined): ColophonError {
    const session = this.#session;
    const query = session?.pipeline.failure?.query ?? -1;
    this.#drop();
    const state = errorState(error);
    if (state === OVERTAKEN || state === '23505') {
      return new ColophonError(
        'STORE_BUSY',
        `Another consumer stores the source ${JSON.stringify(session?.source.name)}, or stored these changes under another ` +
          'name or environment: nothing was stored; let one consumer run for a source, under one name.',
        { retryable: true, details: { sqlstate: state } },
      );
    }
    const origin = batch?.originOf(query, lineOf(error));
    if (origin === undefined || session === undefined)
      return storeError(error, 'Changes could not be stored');
    const { facts, sequence } = origin;
    const { systemIdentifier, timeline, commitLsn } = facts;
    const id = changeId({ systemIdentifier, timeline, commitLsn, sequence });
    const refused = storeError(
      error,
      `Change ${sequence} of transaction ${facts.xid} at ${formatLsn(commitLsn)} (id ${id}) could not be stored`,
    );
    return new ColophonError(refused.code, refused.message, {
      cause: refused.cause,
      retryable: refused.retryable,
      details: {
        ...refused.details,
        id,
        commitLsn: formatLsn(commitLsn),
        timeline,
        xid: facts.xid,
        sequence,
      },
    });
  }

  /** What a refusal lacked, asked for on a connection of its own: the one that failed is in the middle of something. */
  async #explain(failure: ColophonError): Promise<ColophonError> {
    if (failure.code !== 'PRIVILEGE_MISSING') return failure;
    const { url, applicationName = 'colophon' } = this.#options;
    const client = await connectStore({ url, applicationName }).catch(() => undefined);
    if (client === undefined) return failure;
    const explained = await explainRefusal(failure, client, 'consumer');
    await client.end().catch(() => {});
    return explained;
  }

  /** The SQLSTATE of what it failed with, or null. */
  async #makePartitions(session: Session): Promise<string | null> {
    session.partitionsMadeAtMs = Date.now();
    try {
      // Changes of a month without partitions go to the default one: nothing depends on this, so nothing waits for it.
      await session.client.query(
        `BEGIN; SET LOCAL lock_timeout = '2s'; SELECT colophon.make_partitions(); COMMIT`,
      );
      return null;
    } catch (error) {
      await session.client.query('ROLLBACK').catch(() => {});
      this.#logger.warn(
        { sqlstate: errorState(error) },
        'Partitions for the coming months could not be made; the default partition takes their place.',
      );
      return errorState(error);
    }
  }
}

function refusedPartitions(): ColophonError {
  return new ColophonError(
    'PRIVILEGE_MISSING',
    'The store could not be opened: it refused to make partitions; GRANT EXECUTE ON FUNCTION colophon.make_partitions.',
    { details: { sqlstate: '42501' } },
  );
}

/** The row of a COPY at which the server failed, 0 where it wasn't one of changes: of the error's context only the number is taken. */
function lineOf(error: unknown): number {
  const where = (error as { where?: unknown } | undefined)?.where;
  // What comes before it is of the value's type, and may quote the value: the last one is COPY's own.
  const matches = typeof where === 'string' ? [...where.matchAll(/^COPY change_records\D*(\d+)/gm)] : [];
  return Number(matches.at(-1)?.[1] ?? 0);
}
