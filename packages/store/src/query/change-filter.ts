import { ColophonError, type Operation } from '@colophon/protocol';
import { addKeyCondition, type RowKey } from './key-condition.js';
import { addRecordFilter, type RecordFilter } from './record-filter.js';
import { SqlConditions } from './sql-conditions.js';

/** Which changes are wanted; all that is given must hold. */
export interface ChangeFilter extends RecordFilter {
  /** `todo` in whatever schema, or `public.todo`. Where `schema` is given, the name as it is, dots and all. */
  readonly table?: string;
  readonly schema?: string;
  /** The row's key now, or before the change: the value of its one column, or an object of all its columns; of a list any. Wants `table`. */
  readonly key?: RowKey | readonly RowKey[];
  readonly operation?: Operation | readonly Operation[];
  readonly transactionId?: number | bigint;
  readonly id?: string;
}

const COLUMNS = { context: 's.context', committedAt: 'r.committed_at', seq: 'r.seq' };

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
  addRecordFilter(conditions, COLUMNS, filter);
  equal('s.transaction_id', filter.transactionId?.toString());
  equal('r.id', filter.id);
  return conditions;
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
