import { ColophonError } from '@colophon/protocol';
import { MIGRATIONS } from './migrations.generated.js';

/** The store's version that this code was made for. */
export const STORE_VERSION: number = MIGRATIONS.at(-1)?.version ?? 0;

/** The one method of a node-postgres client or pool that is used. */
export interface Queryable {
  query(text: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[] }>;
}

/** The version of the store in this database; 0 where there is none. */
export async function readStoreVersion(client: Queryable): Promise<number> {
  const found = await client.query(`SELECT to_regclass('colophon.migrations') IS NOT NULL AS found`);
  if (found.rows[0]?.found !== true) return 0;
  const { rows } = await client.query('SELECT coalesce(max(version), 0) AS version FROM colophon.migrations');
  return Number(rows[0]?.version);
}

/**
 * Makes sure that the store in this database is the one that this code was made for. Fails with `STORE_MISSING`,
 * `STORE_OUTDATED` or `STORE_TOO_NEW`.
 */
export async function checkStoreVersion(client: Queryable): Promise<void> {
  const version = await readStoreVersion(client);
  if (version === STORE_VERSION) return;
  if (version > STORE_VERSION) throw storeTooNew(version);
  const details = { version, wanted: STORE_VERSION };
  if (version === 0) {
    throw new ColophonError(
      'STORE_MISSING',
      'This database has no store (schema colophon); run `colophon init`, or migrateStore().',
      { details },
    );
  }
  throw new ColophonError(
    'STORE_OUTDATED',
    `The store has version ${version}, wanted ${STORE_VERSION}; run \`colophon init\`, or migrateStore().`,
    { details },
  );
}

/** A later Colophon made this store. */
export function storeTooNew(version: number): ColophonError {
  return new ColophonError(
    'STORE_TOO_NEW',
    `The store has version ${version}, this Colophon knows ${STORE_VERSION}; update Colophon.`,
    { details: { version, wanted: STORE_VERSION } },
  );
}
