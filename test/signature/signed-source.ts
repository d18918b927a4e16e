import { type ConsumerOptions, createConsumer, type UnverifiedReport } from '@colophon/core';
import { instrument } from '@colophon/pg';
import type { SignatureKey, Sink } from '@colophon/protocol';
import { migrateStore, openStore, PostgresStore } from '@colophon/store';
import { createDatabase, dropDatabase } from '@colophon/testkit';
import pg from 'pg';
import { createSource, type SourceFixture } from '../core/source-fixture.js';

export const KEY: SignatureKey = { id: '2026-11', secret: 'the-key-of-november-0123456789' };
export const NEXT_KEY: SignatureKey = { id: '2026-12', secret: 'the-key-of-december-0123456789' };

/** A source with an application that signs, a store, and a role that may write and nothing more. */
export interface SignedSource {
  readonly source: SourceFixture;
  /** The application's. */
  readonly pool: pg.Pool;
  /** A connection of a role that merely can write. */
  readonly attacker: pg.Client;
  /** Emissions as they lie in the log, oldest first, since this was last asked: what a thief might have seen. */
  spy(): Promise<{ prefix: string; content: string }[]>;
  /** Emits a text as the attacker and writes a row, in one transaction. */
  attack(
    title: string,
    ...emissions: readonly (string | { prefix: string; content: string })[]
  ): Promise<void>;
  /** Runs a consumer until everything is stored, on a connection of its own: as after a restart. */
  consume(
    options?: Partial<ConsumerOptions>,
    sink?: (store: PostgresStore) => Sink,
  ): Promise<UnverifiedReport[]>;
  /** What is stored, by title. */
  verified(): Promise<Record<string, boolean | null>>;
  readonly told: string[];
  /** What a query of the store gives. */
  stored(query: string): Promise<unknown[]>;
  drop(): Promise<void>;
}

export async function createSignedSource(serverUrl: string, storeEncoding = 'UTF8'): Promise<SignedSource> {
  const source = await createSource(serverUrl);
  const storeUrl = await createDatabase(serverUrl, 'template0', storeEncoding);
  await migrateStore(storeUrl);
  const { client, url, slot } = source;
  await client.query(`SELECT pg_create_logical_replication_slot($1, 'test_decoding')`, [`spy_${slot}`]);
  const role = `attacker_${slot}`;
  await client.query(`CREATE ROLE ${role} LOGIN; GRANT INSERT, SELECT ON todo TO ${role}`);
  const attackerUrl = new URL(url);
  attackerUrl.username = role;
  const attacker = new pg.Client({ connectionString: attackerUrl.href });
  await attacker.connect();
  const pool = instrument(new pg.Pool({ connectionString: url, max: 3 }), { sign: { key: KEY } });
  const told: string[] = [];
  const tell = (details: object, message: string) => void told.push(JSON.stringify(details) + message);
  const logger = { debug: tell, info: tell, warn: tell, error: tell };

  return {
    source,
    pool,
    attacker,
    told,
    async spy() {
      const { rows } = await client.query<{ data: string }>(
        'SELECT data FROM pg_logical_slot_get_changes($1, NULL, NULL)',
        [`spy_${slot}`],
      );
      return rows.flatMap(({ data }) => {
        const match = /^message: transactional: 1 prefix: (\S+), sz: \d+ content:(.*)$/s.exec(data);
        return match === null ? [] : [{ prefix: match[1]!, content: match[2]! }];
      });
    },
    async attack(title, ...emissions) {
      await attacker.query('BEGIN');
      for (const emission of emissions) {
        const { prefix, content } =
          typeof emission === 'string' ? { prefix: 'colophon', content: emission } : emission;
        await attacker.query('SELECT pg_logical_emit_message(true, $1, $2)', [prefix, content]);
      }
      await attacker.query('INSERT INTO todo (title) VALUES ($1)', [title]);
      await attacker.query('COMMIT');
    },
    async consume(options = {}, wrap = (store) => store) {
      const reports: UnverifiedReport[] = [];
      const sink = wrap(new PostgresStore({ url: storeUrl, logger }));
      const consumer = createConsumer({
        source: url,
        slot,
        sink,
        logger,
        signature: { keys: [KEY] },
        ...options,
      });
      consumer.on('unverified', (report) => reports.push(report));
      const run = consumer.run();
      await consumer.drain(30_000);
      await consumer.stop();
      await run;
      return reports;
    },
    async verified() {
      const store = await openStore(storeUrl);
      const found: Record<string, boolean | null> = {};
      for await (const { after, verified, contextJson } of store.changes({
        operation: 'CREATE',
        order: 'oldest',
      })) {
        const title = after.title as string;
        if (title in found) throw new Error(`${title} is stored twice`);
        if (contextJson.includes('colophon.signature')) throw new Error(`${title} has kept its signature`);
        found[title] = verified;
      }
      await store.close();
      return found;
    },
    async stored(query) {
      const reader = new pg.Client({ connectionString: storeUrl });
      await reader.connect();
      const { rows } = await reader.query(query);
      await reader.end();
      return rows;
    },
    async drop() {
      await pool.end();
      await attacker.end();
      await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      await source.drop();
      await dropDatabase(storeUrl);
    },
  };
}
