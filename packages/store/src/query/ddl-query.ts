import { DDL_COLUMNS, DDL_TABLES, DdlRow, type SelectedDdl } from './ddl-row.js';
import { type ChangeOrder, PagedQuery, type Run } from './paged-query.js';
import { addRecordFilter, type RecordFilter } from './record-filter.js';
import { SqlConditions } from './sql-conditions.js';

/** Which commands are wanted; all that is given must hold. */
export interface DdlFilter extends RecordFilter {
  /** A table and what is part of it, by the name that it had. Wants `schema`. */
  readonly table?: string;
  readonly schema?: string;
  /** A table by its oid, whatever it was called. */
  readonly tableOid?: number;
  /** `ALTER TABLE`. */
  readonly command?: string | readonly string[];
}

/** Which commands, how many, in which order. */
export interface DdlOptions extends DdlFilter {
  /** Default `newest` first. */
  readonly order?: ChangeOrder;
  /** Default: all. */
  readonly limit?: number;
}

/** Commands that changed the schema: `for await` reads them in pages, `await` gives an array. */
export class DdlQuery extends PagedQuery<DdlRow> {
  constructor(run: Run, options: DdlOptions) {
    const { order = 'newest', limit = Number.POSITIVE_INFINITY, ...filter } = options;
    super(run, SHAPE, ddlConditions(filter), { order, limit });
  }
}

const SHAPE = {
  columns: DDL_COLUMNS,
  tables: DDL_TABLES,
  seq: 'd.seq',
  make: (row: object): DdlRow => new DdlRow(row as SelectedDdl),
  lengthOf: (row: object): number => (row as SelectedDdl).context.length,
};

const COLUMNS = { context: 'd.context', committedAt: 'd.committed_at', seq: 'd.seq' };

function ddlConditions(filter: DdlFilter): SqlConditions {
  const conditions = new SqlConditions();
  conditions.order = ['d.seq'];
  const add = (before: string, value: unknown, after = '') => {
    if (value !== undefined) conditions.add(`${before} ${conditions.parameter(value)}${after}`);
  };
  if (filter.table !== undefined) {
    // As PostgreSQL names it: quoted where needed. What is part of it goes on behind a dot, a publication's entry behind a word.
    const name = `format('%I.%I', ${conditions.parameter(filter.schema ?? 'public')}::text, ${conditions.parameter(filter.table)}::text)`;
    conditions.add(
      `(d.identity = ${name} OR starts_with(d.identity, ${name} || '.') OR starts_with(d.identity, ${name} || ' in '))`,
    );
  } else add('d."schema" =', filter.schema);
  add('d.table_oid =', filter.tableOid);
  if (filter.command !== undefined) add('d.command = ANY (', [filter.command].flat(), '::text[])');
  addRecordFilter(conditions, COLUMNS, filter);
  return conditions;
}
