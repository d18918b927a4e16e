import {
  type AccountedPosition,
  ColophonError,
  type CoverageChange,
  endClient,
  type Gap,
  type Logger,
  type Lsn,
  type NonceMemory,
  parseLsn,
  type RememberedRelation,
  type SeenPublication,
  SILENT,
  type Sink,
  type SourceDescription,
  type StoredCommit,
  type StoredPosition,
  type StoredTransaction,
  type TransactionPart,
} from '@colophon/protocol';
import type pg from 'pg';
import { awaitAnswer } from './connection/await-answer.js';
import { type ConnectOptions, connectStore } from './connection/connect-store.js';
import { errorState, isOfTheRecord, storeError } from './connection/store-error.js';
import { checkStoreVersion } from './migrate/store-version.js';
import { explainAside, explainRefusal } from './rights/missing-rights.js';
import { Batch, type SegmentIds } from './write/batch.js';
import type { UnstoredRecord } from './write/careful-statements.js';
import { checkSlotOfSource } from './write/check-slot.js';
import { flushFailure } from './write/flush-failure.js';
import { advanceStatement, rememberStatement } from './write/flush-statements.js';
import { addGaps, moveAccounted, readAccounted, readLastCommit, readTransactions } from './write/ledger.js';
import { Pipeline } from './write/pipeline.js';
import { keepPublished, readPublished } from './write/published.js';
import { recallRelations } from './write/recall-relations.js';
import { RECALL_NONCES } from './write/seen-nonces.js';
import { Suspicion } from './write/suspicion.js';
import { forgetNonces, makePartitions, mayMakePartitions } from './write/upkeep.js';

/** How a `PostgresStore` is made. */
export interface PostgresStoreOptions {
  /** Connection URL of the store's database; its schema `colophon` must be there (`migrateStore`). */
  readonly url: string;
  /** Shown in `pg_stat_activity`. Default `colophon`. */
  readonly applicationName?: string;
  /** Default: silent. */
  readonly logger?: Logger;
  /** A record was put aside in `colophon.unstored`, since the server can't store it. Told once it is durable there. Default: the logger warns. */
  readonly onUnstored?: (record: UnstoredRecord) => void;
  /**
   * How long a store that was asked may be silent until it is looked at over another connection, in milliseconds: where its
   * backend only waits for us, the connection is dead, and is opened anew. Default 60,000, and doubled after each that
   * was given up until something is stored: a pooler can make it look so.
   */
  readonly answerTimeoutMs?: number;
}

const SEGMENT_BLOCK_BITS = 32n;
const SEGMENT_BLOCK_HALF = 1n << (SEGMENT_BLOCK_BITS - 1n);
const DEFAULT_ANSWER_TIMEOUT_MS = 60_000;
const MAX_PATIENCE_FACTOR = 64;
const PARTITIONS_EVERY_MS = 12 * 3_600_000;
const FORGET_EVERY_MS = 10 * 60_000;
const UNIQUE_VIOLATION = '23505';

/** An opened source. */
interface Session {
  readonly client: pg.Client;
  readonly backendPid: number;
  readonly pipeline: Pipeline;
  readonly source: SourceDescription;
  readonly sourceId: number;
  readonly ids: SegmentIds;
  /** The last id of this block that a new flush may begin with. */
  readonly renewIdsAt: bigint;
  version: bigint;
  partitionsMadeAtMs: number;
  /** How long nonces are kept; null where none are asked for. */
  noncesKeptMs: number | null;
  forgotAtMs: number;
}

/**
 * The sink that keeps audit records in PostgreSQL. One connection; a flush is one database transaction of the records
 * and the position, sent in one turn. A flush that another consumer of the same source has overtaken stores nothing
 * (`STORE_BUSY`). Where a connection is lost during a flush, nobody knows whether it was committed: `open` reads the
 * true position, and a flush that the server commits only after that makes ours fail with `STORE_BUSY`, to be opened
 * again. So each change is stored once.
 *
 * A record that the server can't store (an encoding, a size, a depth of nesting) holds nothing up: the flush fails once
 * (`SINK_FAILED`, retryable), and is stored one record after the other when it comes again. What then can't be
 * stored goes to `colophon.unstored`, in the same database transaction as the others and the position.
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
  readonly #suspicion = new Suspicion();
  #patienceFactor = 1;

  constructor(options: PostgresStoreOptions) {
    this.#options = options;
    this.#logger = options.logger ?? SILENT;
  }

  async open(source: SourceDescription): Promise<StoredPosition | null> {
    this.#drop();
    const client = await connectStore(this.#connect());
    try {
      await checkStoreVersion(client);
      await checkSlotOfSource(client, source);
      const backendPid = Number((await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid);
      const { rows } = await this.#patiently({ client, backendPid }, () =>
        client.query('SELECT * FROM colophon.open_source($1, $2, $3, $4, $5)', [
          source.name,
          source.environment,
          source.database,
          source.systemIdentifier,
          source.slot,
        ]),
      );
      const row = rows[0];
      const firstId = BigInt(row.segment_block) << SEGMENT_BLOCK_BITS;
      this.#session = {
        client,
        backendPid,
        pipeline: new Pipeline(client),
        source,
        sourceId: row.source_id,
        ids: { next: firstId },
        renewIdsAt: firstId + SEGMENT_BLOCK_HALF,
        version: BigInt(row.version),
        partitionsMadeAtMs: Number.NEGATIVE_INFINITY,
        noncesKeptMs: null,
        forgotAtMs: Number.NEGATIVE_INFINITY,
      };
      // Later a right that was taken away is only warned of; at the start nothing is under way that it could stop. What is
      // refused to the owner (by an event trigger, a tablespace) is no right of ours.
      if ((await this.#makePartitions(this.#session)) === '42501' && !(await mayMakePartitions(client)))
        throw refusedPartitions();
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
      await endClient(client);
      throw failure;
    }
  }

  async write(parts: readonly TransactionPart[]): Promise<void> {
    const session = this.#opened();
    if (parts.length === 0) return;
    const { pipeline, sourceId, ids } = session;
    const isCareful = this.#suspicion.isOf(parts[0]!.facts.commitLsn);
    const batch = (this.#batch ??= new Batch(pipeline, sourceId, ids, isCareful));
    try {
      await this.#patiently(session, async () => {
        for (const part of parts) await batch.write(part);
      });
      if (session.pipeline.failure !== undefined) throw session.pipeline.failure.error;
    } catch (error) {
      throw await explainAside(this.#fail(error, batch), this.#connect(), 'consumer');
    }
  }

  async flush(position: StoredPosition): Promise<void> {
    const session = this.#opened();
    const batch = this.#batch ?? new Batch(session.pipeline, session.sourceId, session.ids);
    const { sourceId, version } = session;
    // A name that can't be stored must not fail what is stored carefully.
    const relations = batch.isCareful ? [] : this.#relations;
    try {
      const unstored = await this.#patiently(session, () =>
        batch.commit((newestCommittedAt) => {
          const advance = { sourceId, version, position, changes: batch.changes, newestCommittedAt };
          return rememberStatement(sourceId, relations) + advanceStatement(advance);
        }),
      );
      this.#patienceFactor = 1;
      this.#batch = undefined;
      this.#relations = this.#relations.slice(relations.length);
      session.version = version + 1n;
      if (batch.isCareful) this.#suspicion.calm(unstored.length);
      for (const record of unstored) this.#tellUnstored(record);
    } catch (error) {
      throw await explainAside(this.#fail(error, batch), this.#connect(), 'consumer');
    }
    await this.#upkeep(session);
    if (session.ids.next >= session.renewIdsAt) this.#drop();
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.#batch = undefined;
    this.#relations = [];
    // In the middle of a COPY there is no farewell: PostgreSQL rolls back when the connection ends.
    if (session !== undefined) await endClient(session.client);
  }

  async recallRelations(): Promise<readonly RememberedRelation[]> {
    const { client, sourceId } = this.#opened();
    return this.#asked(() => recallRelations(client, sourceId));
  }

  async rememberRelations(relations: readonly RememberedRelation[]): Promise<void> {
    this.#relations = [...this.#relations, ...relations];
  }

  async accountedPosition(): Promise<AccountedPosition | null> {
    const { client, sourceId, source } = this.#opened();
    return this.#asked(() => readAccounted(client, sourceId, source.systemIdentifier, source.slot));
  }

  async account(position: AccountedPosition): Promise<void> {
    const session = this.#opened();
    await this.#asked(() => moveAccounted(session.client, session, position));
    session.version += 1n;
  }

  async recordGaps(gaps: readonly Gap[], accounted: AccountedPosition): Promise<readonly Gap[]> {
    const session = this.#opened();
    const added = await this.#asked(() => addGaps(session.client, session, gaps, accounted));
    session.version += 1n;
    return added;
  }

  async lastCommit(): Promise<StoredCommit | null> {
    const { client, sourceId } = this.#opened();
    return this.#asked(() => readLastCommit(client, sourceId));
  }

  async recallTransactions(fromLsn: Lsn, toLsn: Lsn): Promise<readonly StoredTransaction[]> {
    const { client, sourceId } = this.#opened();
    return this.#asked(() => readTransactions(client, sourceId, fromLsn, toLsn));
  }

  async recallPublished(): Promise<SeenPublication | null> {
    const { client, sourceId } = this.#opened();
    return this.#asked(() => readPublished(client, sourceId));
  }

  async notePublished(seen: SeenPublication, changes: readonly CoverageChange[]): Promise<void> {
    const { client, sourceId } = this.#opened();
    await this.#asked(() => keepPublished(client, sourceId, seen, changes));
  }

  async recallNonces(keptMs: number): Promise<NonceMemory> {
    const session = this.#opened();
    session.noncesKeptMs = keptMs;
    return this.#asked(async () => {
      await this.#forgetNonces(session, keptMs);
      const { rows } = await session.client.query<NonceMemory>(RECALL_NONCES, [session.sourceId]);
      return rows[0]!;
    });
  }

  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    const session = this.#opened();
    try {
      return await this.#patiently(session, ask);
    } catch (error) {
      throw await explainAside(this.#fail(error, undefined), this.#connect(), 'consumer');
    }
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
    if (session !== undefined) void endClient(session.client);
  }

  #connect(): ConnectOptions {
    const { url, applicationName = 'colophon' } = this.#options;
    return { url, applicationName };
  }

  #patiently<T>(session: Pick<Session, 'client' | 'backendPid'>, work: () => Promise<T>): Promise<T> {
    const { answerTimeoutMs = DEFAULT_ANSWER_TIMEOUT_MS } = this.#options;
    const patience = {
      connect: this.#connect(),
      backendPid: session.backendPid,
      timeoutMs: answerTimeoutMs * this.#patienceFactor,
      onGivenUp: () => {
        this.#patienceFactor = Math.min(MAX_PATIENCE_FACTOR, this.#patienceFactor * 2);
      },
    };
    return awaitAnswer(session.client, patience, work);
  }

  #fail(error: unknown, batch: Batch | undefined): ColophonError {
    const session = this.#session;
    const query = session?.pipeline.failure?.query ?? -1;
    this.#drop();
    const state = errorState(error);
    const isPutAside =
      batch !== undefined && !batch.isCareful && state !== UNIQUE_VIOLATION && isOfTheRecord(state);
    if (isPutAside) this.#suspicion.rouse(batch.lastCommitLsn);
    return flushFailure({ error, query, batch, sourceName: session?.source.name, isPutAside });
  }

  /** What has to be done now and then: between two flushes, where it holds nobody up; not at their start, where a consumer's latency is made. */
  async #upkeep(session: Session): Promise<void> {
    const now = performance.now();
    if (now - session.partitionsMadeAtMs >= PARTITIONS_EVERY_MS) await this.#makePartitions(session);
    if (session.noncesKeptMs !== null && now - session.forgotAtMs >= FORGET_EVERY_MS)
      await this.#patiently(session, () => this.#forgetNonces(session, session.noncesKeptMs!));
  }

  #forgetNonces(session: Session, keptMs: number): Promise<void> {
    session.forgotAtMs = performance.now();
    return forgetNonces(session.client, session.sourceId, keptMs, this.#logger);
  }

  #makePartitions(session: Session): Promise<string | null> {
    session.partitionsMadeAtMs = performance.now();
    return this.#patiently(session, () => makePartitions(session.client, this.#logger));
  }

  #tellUnstored(record: UnstoredRecord): void {
    const { onUnstored } = this.#options;
    if (onUnstored !== undefined) onUnstored(record);
    else {
      this.#logger.warn(
        { code: 'RECORD_UNSTORED', ...record },
        'A record could not be stored: see colophon.unstored.',
      );
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
