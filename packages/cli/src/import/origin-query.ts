import { ColophonError, quoteIdentifier, quoteLiteral } from '@colophon/protocol';
import { displayTable, quoteTable } from '@colophon/setup';
import type { ColumnOrValue, ImportMapping, Preset } from './mapping.js';
import type { OriginColumn, OriginTable } from './origin-table.js';

/** How rows are read: one page after the other, each from where the last ended. */
export interface OriginQuery {
  /** Up to `$1` rows from the beginning; with `isLater` after those whose order is in `$2` and so on. */
  sql(isLater: boolean): string;
  /** Whether images and context are text that has to be looked at for being JSON. */
  readonly textual: ReadonlySet<'first' | 'second' | 'context'>;
}

/** A row as it is read; what is null isn't known. Times are microseconds since 1970. */
export interface OriginRow {
  readonly id: string;
  /** Its place in the order that is read in. */
  readonly at: readonly string[];
  readonly database: string | null;
  readonly schema: string | null;
  readonly table: string | null;
  readonly operation: string | null;
  /** Before, row or object; after, changed or objectChanges. */
  readonly first: string | null;
  readonly second: string | null;
  readonly keyvalue: string | null;
  readonly committed: string | null;
  readonly queued: string | null;
  readonly created: string | null;
  readonly transaction: string | null;
  readonly position: string | null;
  readonly context: string | null;
}

/** A page is at most this large, but for a single row: what is in memory at once. */
const PAGE_BYTES = 8 * 2 ** 20;
const NUMBERS = new Set(['int2', 'int4', 'int8', 'numeric', 'oid', 'xid', 'xid8', 'pg_lsn']);
const TIMES = new Set(['timestamptz', 'timestamp', 'date']);

/** Holds the mapping against the table. Throws `INVALID_OPTION` for a column that isn't there or can't say that, `TABLE_UNSUITABLE` for an id that isn't unique. */
export function originQuery(
  table: OriginTable,
  mapping: ImportMapping,
  preset: Pick<Preset, 'order' | 'where'>,
  until: string | null,
): OriginQuery {
  const column = (name: string, key: string): OriginColumn => {
    const found = table.columns.get(name);
    if (found !== undefined) return found;
    throw invalid(
      `${displayTable(table.name)} has no column ${JSON.stringify(name)}, which the mapping names for ${key}: it has ${[...table.columns.keys()].join(', ')}`,
    );
  };
  const textual = new Set<'first' | 'second' | 'context'>();
  const image = (name: string | undefined, key: string, place: 'first' | 'second' | 'context'): string => {
    if (name === undefined) return 'NULL::text';
    const { type } = column(name, key);
    if (type !== 'jsonb') textual.add(place);
    const quoted = quoteIdentifier(name);
    return type === 'hstore' ? `to_jsonb(${quoted})::text` : `${quoted}::text`;
  };
  const value = (given: ColumnOrValue | undefined, key: string): string => {
    if (given === undefined) return 'NULL::text';
    if (typeof given === 'object') return quoteLiteral(given.value);
    column(given, key);
    return `${quoteIdentifier(given)}::text`;
  };
  const zone = quoteLiteral(mapping.timeZone ?? 'UTC');
  const moment = (name: string, key: string): string => {
    const { type } = column(name, key);
    if (!TIMES.has(type))
      throw invalid(`The column ${name} for ${key} is of type ${type}, wanted a timestamp`);
    const quoted = quoteIdentifier(name);
    return type === 'timestamptz' ? quoted : `(${quoted}::timestamp AT TIME ZONE ${zone})`;
  };
  const time = (name: string | undefined, key: string): string => {
    if (name === undefined) return 'NULL::text';
    const at = moment(name, key);
    return `CASE WHEN isfinite(${at}) THEN (extract(epoch FROM ${at}) * 1000000)::bigint::text END`;
  };
  const number = (name: string | undefined, key: string): string => {
    if (name === undefined) return 'NULL::text';
    const { type } = column(name, key);
    if (!NUMBERS.has(type))
      throw invalid(`The column ${name} for ${key} is of type ${type}, wanted a number`);
    const quoted = quoteIdentifier(name);
    return type === 'pg_lsn' ? `(${quoted} - '0/0'::pg_lsn)::text` : `${quoted}::text`;
  };
  const context = (): string => {
    if (mapping.context === undefined) return 'NULL::text';
    if (typeof mapping.context === 'string') return image(mapping.context, 'context', 'context');
    const members = Object.entries(mapping.context).map(([key, given]) => {
      if (typeof given === 'string') column(given, `context.${key}`);
      const its = typeof given === 'string' ? quoteIdentifier(given) : `${quoteLiteral(given.value)}::text`;
      return `${quoteLiteral(key)}, to_jsonb(${its})`;
    });
    return members.length === 0 ? 'NULL::text' : `jsonb_build_object(${members.join(', ')})::text`;
  };

  const id = column(mapping.id, 'id');
  if (!id.isNotNull || !id.isUnique) {
    throw new ColophonError(
      'TABLE_UNSUITABLE',
      `The column ${mapping.id} of ${displayTable(table.name)} names no row for sure: it must be NOT NULL and have a unique index of its own, or rows could be lost or doubled.`,
    );
  }
  const order = preset.order ?? (id.type === 'uuid' ? [mapping.committedAt, mapping.id] : [mapping.id]);
  const ordered = order.map((name) => column(name, 'its order'));
  const nullable = ordered.find(({ isNotNull }) => !isNotNull);
  if (nullable !== undefined) {
    throw new ColophonError(
      'TABLE_UNSUITABLE',
      `${displayTable(table.name)} can't be read in the order of ${nullable.name}, which may be null: ALTER TABLE … ALTER COLUMN … SET NOT NULL, or name an id that is a number.`,
    );
  }
  // With the table's name: by itself `id` would be what is selected under that name, its text.
  const names = ordered.map(({ name }) => `origin.${quoteIdentifier(name)}`).join(', ');
  const selected = [
    `row_number() OVER (ORDER BY ${names}) AS n`,
    `${quoteIdentifier(mapping.id)}::text AS id`,
    `ARRAY[${ordered.map(({ name }) => `${quoteIdentifier(name)}::text`).join(', ')}] AS at`,
    `${value(mapping.database, 'database')} AS database`,
    `${value(mapping.schema, 'schema')} AS schema`,
    `${value(mapping.table, 'table')} AS "table"`,
    `${value(mapping.operation, 'operation')} AS operation`,
    `${image(mapping.before ?? mapping.row ?? mapping.object, 'before, row or object', 'first')} AS first`,
    `${image(mapping.after ?? mapping.changed ?? mapping.objectChanges, 'after, changed or objectChanges', 'second')} AS second`,
    `${value(mapping.keyValue, 'keyValue')} AS keyvalue`,
    `${time(mapping.committedAt, 'committedAt')} AS committed`,
    `${time(mapping.queuedAt, 'queuedAt')} AS queued`,
    `${time(mapping.createdAt, 'createdAt')} AS created`,
    `${number(mapping.transactionId, 'transactionId')} AS transaction`,
    `${number(mapping.position, 'position')} AS position`,
    `${context()} AS context`,
  ];
  const conditions = [
    ...(preset.where === undefined ? [] : [`(${preset.where})`]),
    ...(until === null
      ? []
      : [`${moment(mapping.committedAt, 'committedAt')} < ${quoteLiteral(until)}::timestamptz`]),
  ];
  const after = `(${names}) > (${ordered.map(({ type }, n) => `$${n + 2}::${quoteIdentifier(type)}`).join(', ')})`;
  // Else an index of the first alone would be of no use.
  const from = `${quoteIdentifier(ordered[0]!.name)} >= $2::${quoteIdentifier(ordered[0]!.type)}`;
  return {
    textual,
    sql(isLater) {
      const all = isLater ? [...conditions, from, after] : conditions;
      const where = all.length === 0 ? '' : `WHERE ${all.join(' AND ')}`;
      return `WITH page AS MATERIALIZED (SELECT ${selected.join(', ')} FROM ${quoteTable(table.name)} origin ${where}
         ORDER BY ${names} LIMIT $1)
       SELECT * FROM (SELECT page.*, sum(coalesce(octet_length(first), 0) + coalesce(octet_length(second), 0)
           + coalesce(octet_length(context), 0)) OVER (ORDER BY n ROWS UNBOUNDED PRECEDING) AS bytes FROM page) sized
       WHERE n = 1 OR bytes <= ${PAGE_BYTES} ORDER BY n`;
    },
  };
}

function invalid(what: string): ColophonError {
  return new ColophonError('INVALID_OPTION', `${what}.`);
}
