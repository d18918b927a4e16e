import { ColophonError, type Operation } from '@colophon/protocol';
import { addKeyCondition, type RowKey } from './key-condition.js';
import { SqlConditions } from './sql-conditions.js';

/** Which changes are wanted; all that is given must hold. */
export interface ChangeFilter {
  /** `todo` in whatever schema, or `public.todo`. Where `schema` is given, the name as it is, dots and all. */
  readonly table?: string;
  readonly schema?: string;
  /** The row's key now, or before the change: the value of its one column, or an object of all its columns. Wants `table`. */
  readonly key?: RowKey;
  readonly operation?: Operation | readonly Operation[];
  /** What the context must contain: `{ user: 42 }`. */
  readonly context?: Readonly<Record<string, unknown>>;
  /** Committed then or later: a Date, or a text that PostgreSQL reads as a time; in UTC unless it says otherwise. */
  readonly from?: Date | string;
  /** Committed before then, likewise. */
  readonly to?: Date | string;
  readonly source?: string;
  readonly environment?: string;
  readonly database?: string;
  readonly transactionId?: number | bigint;
  readonly id?: string;
  /** Only those with a higher `seq`. */
  readonly after?: bigint | number;
  /** Only those with a lower `seq`. */
  readonly before?: bigint | number;
}

/** The filter as conditions on `CHANGE_TABLES`. Throws `INVALID_OPTION`. */
export function filterConditions(filter: ChangeFilter): SqlConditions {
  const conditions = new SqlConditions();
  const equal = (column: string, value: unknown) => {
    if (value !== undefined) conditions.add(`${column} = ${conditions.parameter(value)}`);
  };
  const { schema, table } = tableName(filter);
  if (table !== undefined && filter.key === undefined) addTable(conditions, table);
  else equal('r."table"', table);
  equal('r."schema"', schema);
  if (filter.key !== undefined) {
    if (table === undefined) {
      throw new ColophonError('INVALID_OPTION', 'A key means something only in a table; give table too.');
    }
    addKeyCondition(conditions, filter.key);
  }
  if (filter.operation !== undefined) {
    conditions.add(`r.operation = ANY (${conditions.parameter([filter.operation].flat())}::text[])`);
  }
  if (filter.context !== undefined) {
    contextCondition(conditions, 's.context', filter.context);
  }
  timeCondition(conditions, 'r.committed_at', filter);
  equal('o.name', filter.source);
  equal('o.environment', filter.environment);
  equal('o.database', filter.database);
  equal('s.transaction_id', filter.transactionId?.toString());
  equal('r.id', filter.id);
  if (filter.after !== undefined) conditions.add(`r.seq > ${conditions.parameter(filter.after.toString())}`);
  if (filter.before !== undefined)
    conditions.add(`r.seq < ${conditions.parameter(filter.before.toString())}`);
  return conditions;
}

/** What the context must contain. */
export function contextCondition(
  conditions: SqlConditions,
  column: string,
  context: Readonly<Record<string, unknown>>,
): void {
  // As emissions carry it: a bigint is decimal text there.
  const json = JSON.stringify(context, (_, value) => (typeof value === 'bigint' ? value.toString() : value));
  conditions.add(`${column} @> ${conditions.parameter(json)}::jsonb`);
}

/** From then on, and before then. */
export function timeCondition(
  conditions: SqlConditions,
  column: string,
  { from, to }: Pick<ChangeFilter, 'from' | 'to'>,
): void {
  if (from !== undefined) conditions.add(`${column} >= ${conditions.parameter(timeText(from))}::timestamptz`);
  if (to !== undefined) conditions.add(`${column} < ${conditions.parameter(timeText(to))}::timestamptz`);
}

/**
 * A table's changes, in their order. As a range, so that the planner has no constant and needs the order of the index that
 * begins with the table. With `=` it walks through the index of all changes and drops other tables', trusting that every
 * table is written evenly: for one that was written only long ago it read 42,063 rows to find 50.
 */
function addTable(conditions: SqlConditions, table: string): void {
  conditions.add(
    `r."table" >= ${conditions.parameter(table)} AND r."table" <= ${conditions.parameter(table)}`,
  );
  conditions.order = ['r."table"', 'r.seq'];
}

function tableName({ schema, table }: ChangeFilter): {
  schema?: string | undefined;
  table?: string | undefined;
} {
  const dot = table?.indexOf('.') ?? -1;
  if (table === undefined || schema !== undefined || dot < 0) return { schema, table };
  return { schema: table.slice(0, dot), table: table.slice(dot + 1) };
}

function timeText(time: Date | string): string {
  if (typeof time === 'string') return time;
  if (Number.isNaN(time.getTime())) throw new ColophonError('INVALID_OPTION', 'A time is an invalid Date.');
  return time.toISOString();
}
