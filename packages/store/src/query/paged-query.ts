import { ColophonError } from '@colophon/protocol';
import type { SqlConditions } from './sql-conditions.js';

/** Runs a statement and gives its rows. */
export type Run = (sql: string, values: unknown[]) => Promise<Record<string, unknown>[]>;

/** Which of the records come first, by `seq`. */
export type ChangeOrder = 'newest' | 'oldest';

/** What is read, and made of it. */
export interface PageShape<Row> {
  readonly columns: string;
  readonly tables: string;
  /** The column of the one order. */
  readonly seq: string;
  readonly make: (row: Record<string, unknown>) => Row;
  /** About what a row weighs, in characters. */
  readonly lengthOf: (row: Record<string, unknown>) => number;
}

/** How much of what is wanted. */
export interface PageRange {
  readonly order: ChangeOrder;
  readonly limit: number;
}

const FIRST_PAGE = 200;
const LARGEST_PAGE = 2000;
const PAGE_LENGTH = 8_000_000;

/**
 * Records that are asked for. `for await` reads them page by page, in bounded memory whatever their number; `await`
 * gives all of them as an array. Each page continues by `seq` from the last record of the one before it: no cursor and
 * no transaction is held open at the server meanwhile.
 */
export class PagedQuery<Row extends { readonly seq: bigint }>
  implements AsyncIterable<Row>, PromiseLike<Row[]>
{
  readonly #run: Run;
  readonly #shape: PageShape<Row>;
  readonly #conditions: SqlConditions;
  readonly #range: PageRange;

  /** Throws `INVALID_OPTION` for a range that is none. */
  constructor(run: Run, shape: PageShape<Row>, conditions: SqlConditions, range: PageRange) {
    checkRange(range);
    this.#run = run;
    this.#shape = shape;
    this.#conditions = conditions;
    this.#range = range;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Row, void, undefined> {
    const { columns, tables, seq, make, lengthOf } = this.#shape;
    const isNewest = this.#range.order === 'newest';
    const direction = isNewest ? 'DESC' : 'ASC';
    const order = this.#conditions.order.map((column) => `${column} ${direction}`).join(', ');
    let left = this.#range.limit;
    let page = FIRST_PAGE;
    let last: bigint | undefined;
    while (left > 0) {
      const conditions = this.#conditions.copy();
      if (last !== undefined) {
        conditions.add(`${seq} ${isNewest ? '<' : '>'} ${conditions.parameter(last.toString())}`);
      }
      const wanted = Math.min(page, left);
      const rows = await this.#run(
        `SELECT ${columns} FROM ${tables} ${conditions.where}
 ORDER BY ${order} LIMIT ${wanted}`,
        conditions.values,
      );
      let length = 0;
      for (const selected of rows) {
        const row = make(selected);
        length += lengthOf(selected);
        last = row.seq;
        yield row;
      }
      if (rows.length < wanted) return;
      left -= rows.length;
      page = length > PAGE_LENGTH ? Math.max(1, page >> 2) : Math.min(LARGEST_PAGE, page * 2);
    }
  }

  // biome-ignore lint/suspicious/noThenProperty: `await` is the documented way to get all of them.
  then<Result = Row[], Failure = never>(
    onFulfilled?: ((rows: Row[]) => Result | PromiseLike<Result>) | null,
    onRejected?: ((error: unknown) => Failure | PromiseLike<Failure>) | null,
  ): Promise<Result | Failure> {
    return this.#all().then(onFulfilled, onRejected);
  }

  async #all(): Promise<Row[]> {
    const all: Row[] = [];
    for await (const row of this) all.push(row);
    return all;
  }
}

function checkRange({ order, limit }: PageRange): void {
  if (order !== 'newest' && order !== 'oldest') {
    throw new ColophonError('INVALID_OPTION', `order is newest or oldest, got ${JSON.stringify(order)}.`);
  }
  if (!(limit >= 0) || (Number.isFinite(limit) && !Number.isInteger(limit))) {
    throw new ColophonError('INVALID_OPTION', `limit is a whole number from 0, got ${limit}.`);
  }
}
