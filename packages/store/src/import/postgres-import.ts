import { ColophonError, endClient } from '@colophon/protocol';
import type pg from 'pg';
import { connectStore } from '../connection/connect-store.js';
import { errorState, isOfTheRecord, OVERTAKEN, storeError } from '../connection/store-error.js';
import { checkStoreVersion } from '../migrate/store-version.js';
import { chunkJson, monthsOf } from './chunk-json.js';
import type { ImportedChange } from './imported-change.js';

/** How `PostgresImport` is opened. */
export interface PostgresImportOptions {
  /** Connection URL of the store's database; the role must be the store's owner, or a member of it. */
  readonly url: string;
  /** What is imported, how, and under which name. The same text goes on where it was broken off. */
  readonly origin: string;
  /** Shown in `pg_stat_activity`. Default `colophon`. */
  readonly applicationName?: string;
}

/** What became of a chunk. */
export interface ImportedChunk {
  /** How many are new. */
  readonly added: number;
  /** Those that the server can't hold: nothing of them is stored. */
  readonly refused: readonly RefusedImport[];
}

/** A change that the server can't hold. */
export interface RefusedImport {
  readonly change: ImportedChange;
  readonly sqlstate: string;
}

/** A source that is read from its log has the name under which something is imported. */
const TAKEN = 'CP002';
// Readers of the whole table are waited for, and wait behind it.
const MONTH_LOCK_TIMEOUT = '5s';

/**
 * Stores the history that another audit trail kept, chunk by chunk, each with the place after it in one database
 * transaction. A change whose id is there already isn't stored again. Missing months get their partitions. Whatever is
 * read from a log, its positions, gaps and retention, knows nothing of it.
 *
 * Errors: those of `openStore`; `STORE_BUSY` where somebody else goes on with the same import; `INVALID_OPTION` where the
 * name is a live source's; `LOCK_TIMEOUT`.
 */
export class PostgresImport {
  readonly #client: pg.Client;
  readonly #import: number;
  #version: bigint;
  /** Where it was broken off; null where it begins anew. */
  readonly place: string | null;
  /** The place after the last chunk that is stored whole. */
  #reached: string | null;
  readonly #months = new Set<string>();

  private constructor(client: pg.Client, row: { import: number; version: string; place: string | null }) {
    this.#client = client;
    this.#import = row.import;
    this.#version = BigInt(row.version);
    this.place = row.place;
    this.#reached = row.place;
  }

  /** Opens it. */
  static async open(options: PostgresImportOptions): Promise<PostgresImport> {
    const { url, origin, applicationName = 'colophon' } = options;
    const client = await connectStore({ url, applicationName });
    try {
      await checkStoreVersion(client);
      const { rows } = await client.query('SELECT * FROM colophon.begin_import($1)', [origin]);
      return new PostgresImport(client, rows[0]);
    } catch (error) {
      await endClient(client);
      throw importError(error);
    }
  }

  /**
   * Stores changes in their order, and the place to go on from: null at the end. Where some are refused, the others are stored, but not the
   * place: who does without them stores it with no changes.
   */
  async store(changes: readonly ImportedChange[], place: string | null): Promise<ImportedChunk> {
    try {
      await this.#makeMonths(changes);
      const stored = await this.#storeHalving(changes, place);
      if (stored.refused.length === 0) this.#reached = place;
      return stored;
    } catch (error) {
      throw importError(error);
    }
  }

  /** Ends the connection; what wasn't stored isn't. */
  close(): Promise<void> {
    return endClient(this.#client);
  }

  /** As one chunk; where the server refuses what is in it, by halves, down to the change that is refused. */
  async #storeHalving(changes: readonly ImportedChange[], place: string | null): Promise<ImportedChunk> {
    const { segments, changes: rows } = chunkJson(changes);
    try {
      const result = await this.#client.query(
        'SELECT colophon.import_changes($1, $2, $3::json, $4::json, $5) AS added',
        [this.#import, this.#version.toString(), segments, rows, place],
      );
      this.#version += 1n;
      return { added: Number(result.rows[0].added), refused: [] };
    } catch (error) {
      const sqlstate = errorState(error);
      if (!isOfTheRecord(sqlstate) || changes.length === 0) throw error;
      if (changes.length === 1) return { added: 0, refused: [{ change: changes[0]!, sqlstate }] };
    }
    const half = changes.length >> 1;
    const first = await this.#storeHalving(changes.slice(0, half), this.#reached);
    const second = await this.#storeHalving(changes.slice(half), this.#reached);
    return { added: first.added + second.added, refused: [...first.refused, ...second.refused] };
  }

  async #makeMonths(changes: readonly ImportedChange[]): Promise<void> {
    const missing = monthsOf(changes, new Date()).filter((month) => !this.#months.has(month));
    if (missing.length === 0) return;
    await this.#client.query('BEGIN');
    try {
      await this.#client.query(`SET LOCAL lock_timeout = '${MONTH_LOCK_TIMEOUT}'`);
      await this.#client.query('SELECT colophon.make_months($1::date[])', [missing]);
      await this.#client.query('COMMIT');
    } catch (error) {
      await this.#client.query('ROLLBACK').catch(() => {});
      throw error;
    }
    for (const month of missing) this.#months.add(month);
  }
}

function importError(error: unknown): ColophonError {
  const sqlstate = errorState(error);
  const details = { sqlstate };
  switch (sqlstate) {
    case OVERTAKEN:
      return new ColophonError(
        'STORE_BUSY',
        'Somebody else goes on with this import: nothing more was stored here; let one of the two run.',
        { retryable: true, details },
      );
    case TAKEN:
      return new ColophonError(
        'INVALID_OPTION',
        'A source that is read from its log has the same name and environment: give --environment or --name, so that what is imported can be told from it.',
        { details },
      );
    case '42501':
      return new ColophonError(
        'PRIVILEGE_MISSING',
        "An import needs the rights of the store's owner: run it as the role that ran colophon init, or GRANT colophon_owner to this one.",
        { details },
      );
    default:
      return storeError(error, 'The import could not be stored');
  }
}
