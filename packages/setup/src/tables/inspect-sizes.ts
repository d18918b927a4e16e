import { ColophonError } from '@colophon/protocol';
import type { Connection } from '../connect.js';

/** How large a table is. */
export interface TableSize {
  readonly oid: number;
  /** With its indexes and what is stored out of line. */
  readonly bytes: number;
}

const SIZES =
  'SELECT c.oid, pg_total_relation_size(c.oid)::float8 AS bytes FROM pg_class c WHERE c.oid = ANY ($1::oid[])';

// As counted by the last VACUUM or ANALYZE: without any lock.
const ESTIMATES = `SELECT t.oid, ((
    SELECT coalesce(sum(greatest(part.relpages, 0)), 0) FROM pg_class part WHERE part.oid IN (t.oid, t.reltoastrelid)
      OR part.oid IN (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid IN (t.oid, t.reltoastrelid))
  ) * current_setting('block_size')::int)::float8 AS bytes FROM pg_class t WHERE t.oid = ANY ($1::oid[])`;

/** The sizes of tables by their oids; as last counted where one of them is locked, since to look at it is to wait. */
export async function inspectSizes(
  connection: Connection,
  oids: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  const sizes = (rows: TableSize[]): ReadonlyMap<number, number> =>
    new Map(rows.map(({ oid, bytes }) => [oid, bytes]));
  try {
    await connection.query("SET lock_timeout = '500ms'");
    return sizes(await connection.query<TableSize>(SIZES, [oids]));
  } catch (error) {
    if (!(error instanceof ColophonError) || error.code !== 'LOCK_TIMEOUT') throw error;
    return sizes(await connection.query<TableSize>(ESTIMATES, [oids]));
  }
}
