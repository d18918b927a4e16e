import { ColophonError } from '@colophon/protocol';
import type { SqlConditions } from './sql-conditions.js';

/** What can be wanted of every kind of record; all that is given must hold. */
export interface RecordFilter {
  /** What the context must contain: `{ user: 42 }`. */
  readonly context?: Readonly<Record<string, unknown>>;
  /** Committed then or later: a Date, or a text that PostgreSQL reads as a time; in UTC unless it says otherwise. */
  readonly from?: Date | string;
  /** Committed before then, likewise. */
  readonly to?: Date | string;
  readonly source?: string;
  readonly environment?: string;
  readonly database?: string;
  /** Only those with a higher `seq`. */
  readonly after?: bigint | number;
  /** Only those with a lower `seq`. */
  readonly before?: bigint | number;
}

/** Where a kind of record has what the filter looks at. Sources are `o`. */
export interface RecordColumns {
  readonly context: string;
  readonly committedAt: string;
  readonly seq: string;
}

/** Adds the filter's conditions. Throws `INVALID_OPTION`. */
export function addRecordFilter(
  conditions: SqlConditions,
  columns: RecordColumns,
  filter: RecordFilter,
): void {
  const { context, from, to, source, environment, database, after, before } = filter;
  const add = (condition: string, value: unknown) => {
    if (value !== undefined) conditions.add(`${condition} ${conditions.parameter(value)}`);
  };
  if (context !== undefined) {
    // As emissions carry it: a bigint is decimal text there.
    const json = JSON.stringify(context, (_, value) =>
      typeof value === 'bigint' ? value.toString() : value,
    );
    conditions.add(`${columns.context} @> ${conditions.parameter(json)}::jsonb`);
  }
  if (from !== undefined)
    conditions.add(`${columns.committedAt} >= ${conditions.parameter(timeText(from))}::timestamptz`);
  if (to !== undefined)
    conditions.add(`${columns.committedAt} < ${conditions.parameter(timeText(to))}::timestamptz`);
  add('o.name =', source);
  add('o.environment =', environment);
  add('o.database =', database);
  add(`${columns.seq} >`, after?.toString());
  add(`${columns.seq} <`, before?.toString());
}

function timeText(time: Date | string): string {
  if (typeof time === 'string') return time;
  if (Number.isNaN(time.getTime())) throw new ColophonError('INVALID_OPTION', 'A time is an invalid Date.');
  return time.toISOString();
}
