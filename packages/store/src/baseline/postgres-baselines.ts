import {
  type BaselineChunk,
  type BaselineProgress,
  type BaselineRow,
  type BaselineSink,
  type BaselineSource,
  type BaselineTable,
  ColophonError,
  formatLsn,
  type RememberedRelation,
} from '@colophon/protocol';
import type pg from 'pg';
import { type ConnectOptions, connectStore } from '../connection/connect-store.js';
import { errorState, storeError } from '../connection/store-error.js';
import { checkStoreVersion } from '../migrate/store-version.js';
import { explainAside, explainRefusal } from '../rights/missing-rights.js';
import { copyText, copyTextArray, NULL } from '../write/copy-text.js';
import { Pipeline } from '../write/pipeline.js';
import { recallRelations } from '../write/recall-relations.js';
import { storedPrimaryKey } from '../write/stored-primary-key.js';

/** How `PostgresBaselines` is made. */
export interface PostgresBaselinesOptions {
  /** Connection URL of the store's database; its schema `colophon` must be there (`migrateStore`). */
  readonly url: string;
  /** Shown in `pg_stat_activity`. Default `colophon`. */
  readonly applicationName?: string;
  /** How long the store may take to answer when it is connected to. Default 10,000. */
  readonly connectTimeoutMs?: number;
}

interface Session {
  readonly client: pg.Client;
  readonly pipeline: Pipeline;
  readonly source: BaselineSource;
  readonly sourceId: number;
}

interface Copy {
  readonly id: number;
  readonly columns: string;
  readonly progress: BaselineProgress;
}

interface Chunk {
  readonly facts: BaselineChunk;
  readonly number: number;
  rows: number;
}

// A copier that was killed a moment ago holds the lock until the server notices.
const LOCK_TIMEOUT_MS = 5_000;

const NEWEST = `SELECT b.id, b.columns, coalesce(sum(c.rows), 0)::text AS rows, count(c.chunk)::int AS chunks,
 coalesce(bool_or(c.is_last), false) AS is_complete,
 (SELECT l.last_key FROM colophon.baseline_chunks l WHERE l.baseline_id = b.id ORDER BY l.chunk DESC LIMIT 1) AS last_key
 FROM colophon.baselines b LEFT JOIN colophon.baseline_chunks c ON c.baseline_id = b.id
 WHERE b.source_id = $1 AND b.relation = $2 AND b.system_identifier = $3
 GROUP BY b.id ORDER BY b.id DESC LIMIT 1`;

const BEGIN = `INSERT INTO colophon.baselines
 (source_id, system_identifier, relation, "schema", "table", partition, key_columns, columns)
 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id`;

const COPY_ROWS =
  'COPY colophon.baseline_rows (baseline_id, chunk, place, primary_key, key, after) FROM STDIN';
const COPY_CHUNK = `COPY colophon.baseline_chunks
 (baseline_id, chunk, timeline, low_lsn, high_lsn, snapshot, taken_at, rows, last_key, is_last) FROM STDIN`;

/**
 * Keeps baselines in the store. A chunk's rows and what is known of it are one database transaction, by COPY. Nothing is
 * ever updated or deleted. One copier a source at a time (`STORE_BUSY`).
 */
export class PostgresBaselines implements BaselineSink {
  readonly #options: PostgresBaselinesOptions;
  #session: Session | undefined;
  #copy: { id: number; chunks: number } | undefined;
  #chunk: Chunk | undefined;

  constructor(options: PostgresBaselinesOptions) {
    this.#options = options;
  }

  async open(source: BaselineSource): Promise<void> {
    const client = await connectStore(this.#connect());
    try {
      await checkStoreVersion(client);
      const { rows } = await client.query('SELECT * FROM colophon.baseline_source($1, $2, $3, $4, $5)', [
        source.name,
        source.environment,
        source.database,
        source.systemIdentifier,
        source.slot,
      ]);
      const { source_id: sourceId, system_identifier: known } = rows[0];
      if (known !== source.systemIdentifier) {
        throw new ColophonError(
          'SOURCE_CHANGED',
          `The store's records of ${source.name} come from another cluster (system identifier ${known}, now ${source.systemIdentifier}): give this source another --name, or another --store.`,
        );
      }
      await lockSource(client, sourceId, source.name);
      this.#session = { client, pipeline: new Pipeline(client), source, sourceId };
    } catch (error) {
      const failure = await explainRefusal(
        storeError(error, 'The store could not be opened'),
        client,
        'consumer',
      );
      await client.end().catch(() => {});
      throw failure;
    }
  }

  async recallRelations(): Promise<readonly RememberedRelation[]> {
    const { client, sourceId } = this.#opened();
    try {
      return await recallRelations(client, sourceId);
    } catch (error) {
      throw storeError(error, 'The store could not be read');
    }
  }

  async progress(table: BaselineTable): Promise<BaselineProgress | null> {
    return (await this.#newest(table))?.progress ?? null;
  }

  async begin(table: BaselineTable): Promise<BaselineProgress> {
    const { client, source, sourceId } = this.#opened();
    const newest = await this.#newest(table);
    if (newest !== null && canContinue(newest, table)) {
      this.#copy = { id: newest.id, chunks: newest.progress.chunks };
      return newest.progress;
    }
    try {
      const { oid, schema, table: name, partition, keyColumns, columns } = table;
      const { rows } = await client.query(BEGIN, [
        sourceId,
        source.systemIdentifier,
        oid,
        schema,
        name,
        partition,
        keyColumns,
        columns,
      ]);
      this.#copy = { id: rows[0].id, chunks: 0 };
      return { rows: 0n, chunks: 0, lastKey: null, isComplete: false };
    } catch (error) {
      throw await this.#explained(storeError(error, 'The baseline could not be begun'));
    }
  }

  async beginChunk(facts: BaselineChunk): Promise<void> {
    const { pipeline } = this.#opened();
    this.#chunk = { facts, number: this.#begun().chunks, rows: 0 };
    pipeline.query(`BEGIN;${COPY_ROWS}`);
  }

  async write(rows: readonly BaselineRow[]): Promise<void> {
    const { pipeline } = this.#opened();
    const chunk = this.#openChunk();
    const head = `${this.#begun().id}\t${chunk.number}\t`;
    let text = '';
    for (const { key, primaryKey, row } of rows) {
      const stored = primaryKey === null ? NULL : copyText(storedPrimaryKey(primaryKey));
      text += `${head}${chunk.rows++}\t${stored}\t${copyText(key)}\t${copyText(row)}\n`;
    }
    try {
      pipeline.copyData(text);
      await pipeline.send();
    } catch (error) {
      throw await this.#explained(storeError(error, 'Rows of a baseline could not be stored'));
    }
  }

  async endChunk(end: {
    readonly lastKey: readonly string[] | null;
    readonly isLast: boolean;
  }): Promise<void> {
    const { pipeline } = this.#opened();
    const { facts, number, rows } = this.#openChunk();
    const copy = this.#begun();
    pipeline.copyDone();
    pipeline.query(`${COPY_CHUNK};COMMIT`);
    const lastKey = end.lastKey === null ? null : copyTextArray(end.lastKey);
    pipeline.copyData(
      `${copy.id}\t${number}\t${facts.timeline}\t${formatLsn(facts.lowLsn)}\t${formatLsn(facts.highLsn)}\t${facts.snapshot}\t` +
        `${copyText(facts.takenAt)}\t${rows}\t${lastKey ?? NULL}\t${end.isLast}\n`,
    );
    pipeline.copyDone();
    try {
      await pipeline.finish();
    } catch (error) {
      throw await this.#explained(storeError(error, 'Rows of a baseline could not be stored'));
    }
    copy.chunks++;
    this.#chunk = undefined;
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.#copy = undefined;
    this.#chunk = undefined;
    // In the middle of a COPY there is no farewell: PostgreSQL rolls back when the connection ends.
    await session?.client.end().catch(() => {});
  }

  async #newest(table: BaselineTable): Promise<Copy | null> {
    const { client, source, sourceId } = this.#opened();
    try {
      const { rows } = await client.query(NEWEST, [sourceId, table.oid, source.systemIdentifier]);
      const [row] = rows;
      if (row === undefined) return null;
      const { id, columns, chunks } = row;
      const progress = {
        rows: BigInt(row.rows),
        chunks,
        lastKey: row.last_key,
        isComplete: row.is_complete,
      };
      return { id, columns, progress };
    } catch (error) {
      throw await this.#explained(storeError(error, 'The store could not be read'));
    }
  }

  #explained(failure: ColophonError): Promise<ColophonError> {
    return explainAside(failure, this.#connect(), 'consumer');
  }

  #connect(): ConnectOptions {
    const { url, applicationName = 'colophon', connectTimeoutMs } = this.#options;
    return { url, applicationName, ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }) };
  }

  #opened(): Session {
    if (this.#session !== undefined) return this.#session;
    throw new ColophonError('CONNECTION_LOST', 'The store is not open: open it first.', { retryable: true });
  }

  #begun(): { id: number; chunks: number } {
    if (this.#copy !== undefined) return this.#copy;
    throw new ColophonError('SINK_FAILED', 'No baseline was begun: call begin first.');
  }

  #openChunk(): Chunk {
    if (this.#chunk !== undefined) return this.#chunk;
    throw new ColophonError('SINK_FAILED', 'No chunk was begun: call beginChunk first.');
  }
}

/** Where a chunk has no last key (one that may not be kept), nobody knows where the next would begin. */
function canContinue(
  { columns, progress: { chunks, lastKey, isComplete } }: Copy,
  table: BaselineTable,
): boolean {
  return !isComplete && columns === table.columns && (chunks === 0 || lastKey !== null);
}

async function lockSource(client: pg.Client, sourceId: number, name: string): Promise<void> {
  try {
    await client.query(`SELECT set_config('lock_timeout', '${LOCK_TIMEOUT_MS}', false)`);
    await client.query(`SELECT pg_advisory_lock(hashtext('colophon.baseline'), $1)`, [sourceId]);
    await client.query(`SELECT set_config('lock_timeout', '0', false)`);
  } catch (error) {
    if (errorState(error) !== '55P03') throw error;
    throw new ColophonError(
      'STORE_BUSY',
      `Another "colophon snapshot" copies tables of the source ${JSON.stringify(name)} just now: wait for it, or stop it.`,
      { retryable: true },
    );
  }
}
