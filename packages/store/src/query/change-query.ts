import { CHANGE_COLUMNS, CHANGE_TABLES, ChangeRow, type SelectedChange } from './change-row.js';
import type { SqlConditions } from './sql-conditions.js';

/** Runs a statement and gives its rows. */
export type Run = (sql: string, values: unknown[]) => Promise<Record<string, unknown>[]>;

/** Which of the changes come first, by `seq`. */
export type ChangeOrder = 'newest' | 'oldest';

const FIRST_PAGE = 200;
const LARGEST_PAGE = 2000;
const PAGE_LENGTH = 8_000_000;

/**
 * Changes that are asked for. `for await` reads them page by page, in bounded memory whatever their number; `await`
 * gives all of them as an array. Each page continues by `seq` from the last change of the one before it: no cursor and
 * no transaction is held open at the server meanwhile.
 */
export class ChangeQuery implements AsyncIterable<ChangeRow>, PromiseLike<ChangeRow[]> {
  readonly #run: Run;
  readonly #conditions: SqlConditions;
  readonly #order: ChangeOrder;
  readonly #limit: number;

  constructor(run: Run, conditions: SqlConditions, order: ChangeOrder, limit: number) {
    this.#run = run;
    this.#conditions = conditions;
    this.#order = order;
    this.#limit = limit;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ChangeRow, void, undefined> {
    const isNewest = this.#order === 'newest';
    const direction = isNewest ? 'DESC' : 'ASC';
    const order = this.#conditions.order.map((column) => `${column} ${direction}`).join(', ');
    let left = this.#limit;
    let page = FIRST_PAGE;
    let last: bigint | undefined;
    while (left > 0) {
      const conditions = this.#conditions.copy();
      if (last !== undefined) {
        conditions.add(`r.seq ${isNewest ? '<' : '>'} ${conditions.parameter(last.toString())}`);
      }
      const wanted = Math.min(page, left);
      const rows = (await this.#run(
        `SELECT ${CHANGE_COLUMNS} FROM ${CHANGE_TABLES} ${conditions.where}
 ORDER BY ${order} LIMIT ${wanted}`,
        conditions.values,
      )) as unknown as SelectedChange[];
      let length = 0;
      for (const row of rows) {
        const change = new ChangeRow(row);
        length += row.before.length + row.after.length;
        last = change.seq;
        yield change;
      }
      if (rows.length < wanted) return;
      left -= rows.length;
      page = length > PAGE_LENGTH ? Math.max(1, page >> 2) : Math.min(LARGEST_PAGE, page * 2);
    }
  }

  // biome-ignore lint/suspicious/noThenProperty: `await` is the documented way to get all of them.
  then<Result = ChangeRow[], Failure = never>(
    onFulfilled?: ((rows: ChangeRow[]) => Result | PromiseLike<Result>) | null,
    onRejected?: ((error: unknown) => Failure | PromiseLike<Failure>) | null,
  ): Promise<Result | Failure> {
    return this.#all().then(onFulfilled, onRejected);
  }

  async #all(): Promise<ChangeRow[]> {
    const all: ChangeRow[] = [];
    for await (const row of this) all.push(row);
    return all;
  }
}
