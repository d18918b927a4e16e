import type pg from 'pg';
import { expect } from 'vitest';
import { instrumentedPool } from '../instrumented-pool.js';
import { type TrackedDatabase, trackDatabase } from '../tracked-database.js';

const SCHEMA =
  'CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, test text, request text, who text, endpoint text, way text)';

/** Who writes, as the handler itself knows it: by the request it was called with, and by where it stands in the source. */
export interface Author {
  readonly test: string;
  readonly request: string;
  readonly who: string | undefined;
  readonly endpoint: string;
}

/**
 * A table in which each row says of itself who wrote it, in which request, by which route; the audit trail must say the same. Written to through an
 * instrumented pool of two, read back from `colophon.changes`.
 */
export class Notes {
  private constructor(
    private readonly database: TrackedDatabase,
    readonly pool: pg.Pool,
  ) {}

  static async open(serverUrl: string): Promise<Notes> {
    const database = await trackDatabase(serverUrl, SCHEMA, { tables: 'note' });
    return new Notes(database, instrumentedPool({ connectionString: database.url, max: 2 }));
  }

  async close(): Promise<void> {
    await this.pool.end();
    await this.database.drop();
  }

  /** Every second one by a callback. */
  write(author: Author, way: string): Promise<void> {
    const text = 'INSERT INTO note (test, request, who, endpoint, way) VALUES ($1, $2, $3, $4, $5)';
    const values = [author.test, author.request, author.who, author.endpoint, way];
    return new Promise((resolve, reject) => {
      if (way.length % 2 === 0) this.pool.query(text, values, (error) => (error ? reject(error) : resolve()));
      else this.pool.query(text, values).then(() => resolve(), reject);
    });
  }

  /** What was stored of a test, in order, each with its context. */
  async stored(
    test: string,
  ): Promise<{ after: Record<string, unknown>; context: Record<string, unknown> }[]> {
    await this.database.once();
    const { rows } = await this.database.client.query(
      `SELECT after, context FROM colophon.changes WHERE after ->> 'test' = $1 ORDER BY seq`,
      [test],
    );
    return rows;
  }

  /** Each of the test's rows has its own author in its context, and nobody's is missing. Gives how often each way was stored. */
  async expectOwnNames(test: string): Promise<Record<string, number>> {
    const ways: Record<string, number> = {};
    const wrong = [];
    for (const { after, context } of await this.stored(test)) {
      ways[String(after.way)] = (ways[String(after.way)] ?? 0) + 1;
      const said = { request: context.requestId, who: context.user ?? null, endpoint: context.endpoint };
      const { request, who, endpoint } = after;
      if (JSON.stringify(said) !== JSON.stringify({ request, who, endpoint })) wrong.push({ after, context });
    }
    expect({ wrong: wrong.length, such: wrong.slice(0, 3) }).toEqual({ wrong: 0, such: [] });
    return ways;
  }
}
