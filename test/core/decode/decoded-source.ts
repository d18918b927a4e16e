import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import type { PgoutputMessage, RelationMessage } from '../../../packages/core/src/decode/message.js';
import { parseMessage } from '../../../packages/core/src/decode/parse-message.js';
import type { DecodedRow } from '../../../packages/core/src/decode/row-decoder.js';
import { SourceCatalog } from '../../../packages/core/src/decode/source-catalog.js';

/** The settings of the replication connection, so that `to_jsonb` here says what it says there. */
const SETTINGS =
  '-c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=postgres -c bytea_output=hex -c extra_float_digits=1';

/** A database with a slot of pgoutput, whose changes are decoded by what is in `packages/core/src/decode`. */
export class DecodedSource {
  readonly client: pg.Client;
  readonly messages: PgoutputMessage[] = [];
  catalog: SourceCatalog;
  /** How often the catalog was asked. */
  queries = 0;
  readonly url: string;

  private constructor(url: string) {
    this.url = url;
    this.client = new pg.Client({ connectionString: url, options: SETTINGS });
    this.catalog = this.newCatalog();
  }

  /** Creates the database, runs the SQL, publishes all tables and makes the slot. */
  static async create(serverUrl: string, sql = ''): Promise<DecodedSource> {
    const source = new DecodedSource(await createDatabase(serverUrl));
    await source.client.connect();
    await source.run(sql);
    const generated = (await source.version()) >= 18 ? ', publish_generated_columns = stored' : '';
    await source.run(
      `CREATE PUBLICATION decoded FOR ALL TABLES WITH (publish = 'insert,update,delete,truncate'${generated})`,
    );
    await source.run("SELECT pg_create_logical_replication_slot(current_database() || '_slot', 'pgoutput')");
    return source;
  }

  async version(): Promise<number> {
    const [row] = await this.rows<{ version: number }>(
      "SELECT current_setting('server_version_num')::int / 10000 AS version",
    );
    return row!.version;
  }

  /** A catalog that knows nothing yet: a consumer that was started anew. */
  newCatalog(): SourceCatalog {
    return new SourceCatalog((text, values) => {
      this.queries++;
      return this.rows(text, values);
    });
  }

  async run(sql: string, values?: unknown[]): Promise<void> {
    await this.client.query(sql, values);
  }

  async rows<R>(sql: string, values?: unknown[]): Promise<R[]> {
    return (await this.client.query(sql, values)).rows as R[];
  }

  /** All changes since the last call, as the consumer takes them. `whileWaiting` runs once something waits for the catalog. */
  async changes(whileWaiting: () => Promise<void> = () => Promise.resolve()): Promise<DecodedRow[]> {
    const { rows } = await this.client.query<{ data: Buffer }>(
      `SELECT data FROM pg_logical_slot_get_binary_changes(
         current_database() || '_slot', NULL, NULL, 'proto_version', '1', 'publication_names', 'decoded')`,
    );
    const changes: DecodedRow[] = [];
    let xid = 0;
    this.messages.length = 0;
    for (const { data } of rows) {
      const message = parseMessage(data);
      this.messages.push(message);
      if (message.tag === 'begin') xid = message.xid;
      else if (message.tag === 'relation') {
        const decoder = this.catalog.ensure(message, xid);
        if (decoder instanceof Promise) await Promise.all([decoder, whileWaiting()]);
      } else if ('relationOid' in message || message.tag === 'truncate') {
        const oids = message.tag === 'truncate' ? message.relationOids : [message.relationOid];
        for (const oid of oids) {
          const decoder = this.catalog.decoderOf(oid)!;
          if (this.catalog.needsRefresh(decoder, xid)) await this.catalog.refresh();
          changes.push(decoder.decode(message));
        }
      }
    }
    return changes;
  }

  /** The relation messages among the last changes. */
  relations(): RelationMessage[] {
    return this.messages.filter((message) => message.tag === 'relation');
  }

  async drop(): Promise<void> {
    await this.client.end();
    await dropDatabase(this.url);
  }
}
