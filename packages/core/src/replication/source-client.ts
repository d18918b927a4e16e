import { type ColophonError, connectClient, endClient } from '@colophon/protocol';
import pg from 'pg';
import { describeSource } from './connection-config.js';
import { type SourceNames, sourceError } from './source-error.js';

// A connection without an answer for so long is dead; catalog queries take milliseconds.
const QUERY_TIMEOUT_MS = 30_000;

/**
 * An ordinary connection to the source, for its catalog. Opened when first needed, and again where it was lost: one lost
 * while idle (a firewall, `idle_session_timeout`) is nobody's failure.
 */
export class SourceClient {
  private readonly config: pg.ClientConfig;
  private readonly names: SourceNames;
  private client: Promise<pg.Client> | null = null;
  private isEnded = false;

  constructor(config: pg.ClientConfig, names: Omit<SourceNames, 'source'>) {
    this.config = { ...config, query_timeout: QUERY_TIMEOUT_MS };
    this.names = { ...names, source: describeSource(config) };
  }

  /** Runs one query and gives its rows as objects of text, number, boolean and null. Throws a `ColophonError`. */
  readonly query = async (text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]> => {
    const wasOpen = this.client !== null;
    try {
      return await this.run(text, values);
    } catch (error) {
      const failure = error as ColophonError;
      if (!wasOpen || !failure.retryable || this.isEnded) throw failure;
      return this.run(text, values);
    }
  };

  /** The version that the server gave itself when it was connected to, for example `18.4`. */
  async serverVersion(): Promise<string> {
    await this.open();
    return this.version;
  }

  private version = '';

  private async run(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]> {
    const client = await this.open();
    try {
      return (await client.query(text, values === undefined ? undefined : [...values])).rows;
    } catch (error) {
      const failure = sourceError(error, 'query', this.names);
      if (failure.code === 'CONNECTION_LOST') this.forget(client);
      throw failure;
    }
  }

  private open(): Promise<pg.Client> {
    this.client ??= this.connect();
    return this.client;
  }

  private async connect(): Promise<pg.Client> {
    const client = new pg.Client(this.config);
    client.on('error', () => this.forget(client));
    const { connection } = client as unknown as {
      connection: { on(event: 'parameterStatus', listener: (status: ParameterStatus) => void): void };
    };
    connection.on('parameterStatus', (status) => {
      if (status.parameterName === 'server_version') this.version = status.parameterValue;
    });
    try {
      await connectClient(client, this.names.source);
    } catch (error) {
      this.client = null;
      void endClient(client);
      throw sourceError(error, 'connect', this.names);
    }
    return client;
  }

  private forget(client: pg.Client): void {
    const current = this.client;
    void current?.then(
      (known) => {
        if (known !== client) return;
        if (this.client === current) this.client = null;
        void endClient(client);
      },
      () => {},
    );
  }

  /** Ends it; safe to call twice. */
  async end(): Promise<void> {
    this.isEnded = true;
    const current = this.client;
    this.client = null;
    await current?.then(endClient).catch(() => {});
  }
}

interface ParameterStatus {
  parameterName: string;
  parameterValue: string;
}
