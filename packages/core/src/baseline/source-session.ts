import { ColophonError, connectClient, endClient, knownSqlstate } from '@colophon/protocol';
import pg from 'pg';
import { describeSource, sourceConfig } from '../replication/connection-config.js';
import { sourceError } from '../replication/source-error.js';

const CATALOG_TIMEOUT_MS = 30_000;

/** One connection to the source that reads tables: whatever the role's or the database's own settings say. */
export class SourceSession {
  readonly client: pg.Client;
  private readonly target: string;
  /** How long a statement may take until the server is taken for gone. */
  private patienceMs: number;

  private constructor(client: pg.Client, target: string, patienceMs: number) {
    this.client = client;
    this.target = target;
    this.patienceMs = patienceMs;
  }

  /** Connects. `lockTimeoutMs`: how long a table's lock is waited for. */
  static async open(url: string, connectTimeoutMs: number, lockTimeoutMs: number): Promise<SourceSession> {
    const config = sourceConfig(url, { connectTimeoutMs });
    const client = new pg.Client({ ...config, application_name: 'colophon snapshot' });
    client.on('error', () => {});
    const session = new SourceSession(client, describeSource(config), connectTimeoutMs);
    try {
      await connectClient(client, session.target);
      await session.settle(lockTimeoutMs);
    } catch (error) {
      void endClient(client);
      throw sourceError(error, 'connect', { source: session.target, slot: '', publication: '' });
    }
    return session;
  }

  private async settle(lockTimeoutMs: number): Promise<void> {
    // row_security off: a row that a policy hides is an error, never a row that is silently missing.
    await this.query(`SELECT set_config('search_path', 'pg_catalog', false), set_config('row_security', 'off', false),
      set_config('lock_timeout', '${lockTimeoutMs}', false), set_config('statement_timeout', '${CATALOG_TIMEOUT_MS}', false),
      set_config('idle_in_transaction_session_timeout', '0', false),
      set_config('default_transaction_deferrable', 'off', false),
      CASE WHEN current_setting('server_version_num')::int >= 170000
        THEN set_config('transaction_timeout', '0', false) END`);
    // From here on the server itself ends what takes too long, or waits for a lock too long.
    this.patienceMs = lockTimeoutMs + CATALOG_TIMEOUT_MS;
  }

  /** Runs a statement and gives its rows. Throws a `ColophonError`. */
  readonly query = async <R>(text: string, values?: unknown[]): Promise<R[]> => {
    try {
      return (await this.client.query({ text, values, query_timeout: this.patienceMs } as pg.QueryConfig))
        .rows;
    } catch (error) {
      throw this.error(error, 'The source could not be read');
    }
  };

  /** What the server or the socket said, as a `ColophonError`; never its words where they may quote values. */
  error(error: unknown, doing: string): ColophonError {
    if (error instanceof ColophonError) return error;
    const { code } = error as { code?: unknown };
    const sqlstate = error instanceof pg.DatabaseError && typeof code === 'string' ? code : null;
    if (sqlstate === null || /^(08|57P)/.test(sqlstate)) {
      return sourceError(error, 'query', { source: this.target, slot: '', publication: '' });
    }
    const known = knownSqlstate(sqlstate);
    const isTimeout = sqlstate === '57014';
    const quotesData = /^(22|23)/.test(sqlstate);
    const said = quotesData ? '' : `: ${(error as Error).message}`;
    return new ColophonError(
      known?.code ?? (isTimeout ? 'TIMEOUT' : 'STATEMENT_FAILED'),
      `${doing} (SQLSTATE ${sqlstate}${said}); ${known?.remedy ?? (isTimeout ? 'look what blocks the server in pg_stat_activity, then run it again' : "see the server's log")}.`,
      {
        ...(quotesData ? {} : { cause: error }),
        retryable: isTimeout || sqlstate === '55P03',
        details: { sqlstate },
      },
    );
  }

  /** Says goodbye. */
  end(): Promise<void> {
    return endClient(this.client);
  }
}
