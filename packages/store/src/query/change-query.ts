import { CHANGE_COLUMNS, CHANGE_TABLES, ChangeRow, type SelectedChange } from './change-row.js';
import { type ChangeOrder, PagedQuery, type Run } from './paged-query.js';
import type { SqlConditions } from './sql-conditions.js';

/** Changes that are asked for: `for await` reads them in pages, `await` gives an array. */
export class ChangeQuery extends PagedQuery<ChangeRow> {
  constructor(run: Run, conditions: SqlConditions, order: ChangeOrder, limit: number) {
    super(run, SHAPE, conditions, { order, limit });
  }
}

const SHAPE = {
  columns: CHANGE_COLUMNS,
  tables: CHANGE_TABLES,
  seq: 'r.seq',
  make: (row: object): ChangeRow => new ChangeRow(row as SelectedChange),
  lengthOf: (row: object): number => {
    const { before, after } = row as SelectedChange;
    return before.length + after.length;
  },
};
