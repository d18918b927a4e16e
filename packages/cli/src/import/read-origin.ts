import type { Connection, Deadline } from '@colophon/setup';
import type { OriginQuery, OriginRow } from './origin-query.js';

const FIRST_PAGE = 200;
const LARGEST_PAGE = 2_000;

/** The rows page by page, each page within the deadline. `after` is the place of the last row that is known already. */
export async function* readOrigin(
  connection: Connection,
  deadline: Deadline,
  query: OriginQuery,
  after: readonly string[] | null,
): AsyncGenerator<readonly OriginRow[], void, undefined> {
  let place = after;
  for (let wanted = FIRST_PAGE; ; ) {
    deadline.renew();
    const rows = await connection.query<OriginRow>(query.sql(place !== null), [wanted, ...(place ?? [])]);
    const last = rows.at(-1);
    if (last === undefined) return;
    place = last.at;
    // Where rows are so large that they were cut off, no more are looked at than will be read.
    wanted = Math.min(LARGEST_PAGE, rows.length * 2);
    yield rows;
  }
}
