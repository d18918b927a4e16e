import { ColophonError } from '@colophon/protocol';
import { type Connection, connect, type Deadline } from '@colophon/setup';
import type { ChangeFilter } from './change-filter.js';
import type { ShownChange } from './render/change-lines.js';

/** An audit record as the store gives it: what is shown, and the whole of it as a line of JSON, every digit as it was. */
export interface StoredChange extends ShownChange {
  readonly seq: bigint;
  readonly json: string;
}

/** A source as the store knows it. */
export interface StoredSource {
  readonly source: string;
  readonly environment: string;
  readonly database: string;
  readonly slot: string;
  readonly changes: bigint;
  /** End of the last stored transaction; null before the first. */
  readonly endLsn: string | null;
  /** Of its last change; null before the first. */
  readonly lastSeq: bigint | null;
  readonly lastCommittedAt: Date | null;
  readonly storedAt: Date | null;
}

const PAGE = 500;

/** Reads the store through its read contract. */
export class AuditReader {
  readonly #connection: Connection;
  readonly #deadline: Deadline;

  private constructor(connection: Connection, deadline: Deadline) {
    this.#connection = connection;
    this.#deadline = deadline;
  }

  /** Connects. Throws `STORE_MISSING` where there is no store, and what `connect` throws. */
  static async open(url: string, deadline: Deadline): Promise<AuditReader> {
    const connection = await connect({ url, role: 'store', deadline });
    const [row] = await connection.query<{ is_made: boolean }>(
      `SELECT set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO', false), set_config('jit', 'off', false),
              to_regclass('colophon.changes') IS NOT NULL AS is_made`,
    );
    if (row!.is_made) return new AuditReader(connection, deadline);
    await connection.close();
    throw new ColophonError(
      'STORE_MISSING',
      `${connection.target} holds no audit records (no schema colophon): run colophon init, or give the right --store.`,
    );
  }

  /** The changes in the one order, page by page; `after` and `upTo` bound their `seq`. */
  async *changes(
    filter: ChangeFilter,
    options: { newestFirst: boolean; limit?: number; after?: bigint; upTo?: bigint },
  ): AsyncGenerator<StoredChange> {
    const { newestFirst, limit = Number.POSITIVE_INFINITY } = options;
    let { after, upTo } = options;
    for (let given = 0; given < limit; ) {
      const size = Math.min(PAGE, limit - given);
      const page = await this.#page(filter, { newestFirst, after, upTo, size });
      yield* page;
      if (page.length < size) return;
      given += page.length;
      if (newestFirst) upTo = page.at(-1)!.seq - 1n;
      else after = page.at(-1)!.seq;
    }
  }

  /** Every source that was ever stored. */
  async sources(): Promise<StoredSource[]> {
    this.#deadline.renew();
    const rows = await this.#connection.query<
      Record<string, string | null> & { last: Date | null; stored: Date | null }
    >(
      `SELECT s.name, s.environment, s.database, s.slot, p.changes::text, p.end_lsn::text, p.last_seq::text,
              p.last_committed_at AS last, p.stored_at AS stored
         FROM colophon.sources s JOIN colophon.positions p ON p.source_id = s.id
        ORDER BY s.name, s.environment, s.database`,
    );
    return rows.map((row) => ({
      source: row.name!,
      environment: row.environment!,
      database: row.database!,
      slot: row.slot!,
      changes: BigInt(row.changes ?? 0),
      endLsn: row.end_lsn ?? null,
      lastSeq: row.last_seq == null ? null : BigInt(row.last_seq),
      lastCommittedAt: row.last,
      storedAt: row.stored,
    }));
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #page(
    filter: ChangeFilter,
    page: { newestFirst: boolean; after: bigint | undefined; upTo: bigint | undefined; size: number },
  ): Promise<StoredChange[]> {
    const values: unknown[] = [];
    const bind = (value: unknown): string => `$${values.push(value)}`;
    const conditions = filterConditions(filter, bind);
    if (page.after !== undefined) conditions.push(`c.seq > ${bind(page.after.toString())}::bigint`);
    if (page.upTo !== undefined) conditions.push(`c.seq <= ${bind(page.upTo.toString())}::bigint`);
    this.#deadline.renew();
    const rows = await this.#connection.query<{
      seq: string;
      committed_at: Date;
      operation: string;
      schema: string;
      table: string;
      partition: string | null;
      primary_key: string | null;
      before: string;
      after: string;
      unchanged: string[];
      context: string;
      json: string;
    }>(
      `SELECT c.seq::text, c.committed_at, c.operation, c."schema", c."table", c.partition, c.primary_key,
              c.before::text, c.after::text, c.unchanged, c.context::text, row_to_json(c)::text AS json
         FROM colophon.changes c ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}
        ORDER BY c.seq ${page.newestFirst ? 'DESC' : 'ASC'} LIMIT ${page.size}`,
      values,
    );
    return rows.map((row) => ({
      seq: BigInt(row.seq),
      committedAt: row.committed_at,
      operation: row.operation,
      schema: row.schema,
      table: row.table,
      partition: row.partition,
      primaryKey: row.primary_key,
      before: row.before,
      after: row.after,
      unchanged: row.unchanged,
      context: row.context,
      json: row.json,
    }));
  }
}

function filterConditions(filter: ChangeFilter, bind: (value: unknown) => string): string[] {
  const conditions: string[] = [];
  if (filter.tables !== undefined) {
    const any = filter.tables.map(
      (table) => `(c."schema" = ${bind(table.schema)} AND c."table" = ${bind(table.name)})`,
    );
    conditions.push(`(${any.join(' OR ')})`);
  }
  if (filter.key !== undefined) conditions.push(keyCondition(filter.key, bind));
  if (filter.operations !== undefined) conditions.push(`c.operation = ANY (${bind(filter.operations)})`);
  for (const context of filter.contexts ?? []) conditions.push(`c.context @> ${bind(context)}::jsonb`);
  if (filter.since !== undefined) conditions.push(`c.committed_at >= ${bind(filter.since)}::timestamptz`);
  if (filter.until !== undefined) conditions.push(`c.committed_at < ${bind(filter.until)}::timestamptz`);
  if (filter.environment !== undefined) conditions.push(`c.environment = ${bind(filter.environment)}`);
  if (filter.source !== undefined) conditions.push(`c.source = ${bind(filter.source)}`);
  if (filter.database !== undefined) conditions.push(`c.database = ${bind(filter.database)}`);
  return conditions;
}

/** The row had this key, after or before the change. */
function keyCondition(key: string, bind: (value: unknown) => string): string {
  if (key.trimStart().startsWith('{')) {
    try {
      JSON.parse(key);
    } catch {
      throw new ColophonError(
        'INVALID_OPTION',
        `--key is a primary key like 7, or its columns as JSON like {"id": 7}, got ${JSON.stringify(key)}.`,
      );
    }
    const value = bind(key);
    return `(c.key @> ${value}::jsonb OR c.before @> ${value}::jsonb)`;
  }
  const value = bind(key);
  return `(c.primary_key = ${value} OR (c.operation = 'UPDATE' AND c.before <> '{}'
    AND (SELECT CASE count(*) WHEN 1 THEN c.before ->> min(k) END FROM jsonb_object_keys(c.key) k) = ${value}))`;
}
