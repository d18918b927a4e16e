import pg from 'pg';
import { storeError } from '../connection/store-error.js';
import { CLOSE_NEW, CLOSE_SCHEMA, NOTE_OBJECTS, renewRightsSql } from '../rights/grant-rights.js';
import { handOverSql, readOwner } from '../rights/store-owner.js';
import { MIGRATIONS } from './migrations.generated.js';
import { type Queryable, readStoreVersion, STORE_VERSION, storeTooNew } from './store-version.js';

/** What `migrateStore` would do, as a script that somebody else may run. */
export interface StoreScript {
  /** The store's version now; 0 where there is none. */
  readonly from: number;
  readonly to: number;
  /** One transaction; empty where nothing is to be done. */
  readonly sql: string;
}

/**
 * Gives the SQL by which an administrator makes the store, or brings it up to date, just as `migrateStore` does: its owner is
 * made where it isn't there, and whoever asks for the script becomes a member, so that `init` can go on from there. Reads,
 * changes nothing. Fails with `STORE_TOO_NEW`, `PRIVILEGE_MISSING`.
 */
export async function storeScript(client: Queryable, owner: string): Promise<StoreScript> {
  try {
    const { rows } = await client.query(
      `SELECT rolname AS caller, rolsuper AS "isSuperuser", current_setting('server_version_num')::int / 10000 AS major,
         to_regnamespace('colophon') IS NOT NULL AS found FROM pg_roles WHERE rolname = current_user`,
    );
    const { caller, isSuperuser, major, found } = rows[0] as unknown as Caller;
    const from = await readStoreVersion(client);
    if (from > STORE_VERSION) throw storeTooNew(from);
    const before = found ? await readOwner(client) : undefined;
    if (from === STORE_VERSION && before?.name === owner) return { from, to: STORE_VERSION, sql: '' };
    const steps = [
      'BEGIN;',
      `SELECT pg_advisory_xact_lock(hashtext('colophon.migrations'));`,
      'SET LOCAL search_path = pg_catalog;',
      `SET LOCAL TimeZone = 'UTC';`,
      'SET LOCAL statement_timeout = 0;',
      ownerSql(owner, isSuperuser ? null : caller, major),
      found ? '' : `CREATE SCHEMA colophon AUTHORIZATION ${pg.escapeIdentifier(owner)};\n${CLOSE_SCHEMA};`,
      before === undefined || before.name === owner ? '' : handOverSql(owner),
      `SET LOCAL ROLE ${pg.escapeIdentifier(owner)};`,
      ...(from < STORE_VERSION ? migrationsSql(from) : []),
      'SELECT colophon.make_partitions();',
      'COMMIT;',
    ];
    return { from, to: STORE_VERSION, sql: `${steps.filter((step) => step !== '').join('\n')}\n` };
  } catch (error) {
    throw storeError(error, 'The store could not be looked at');
  }
}

interface Caller {
  readonly caller: string;
  readonly isSuperuser: boolean;
  readonly major: number;
  readonly found: boolean;
}

/** Whoever runs it must be able to act as the owner, and so must `init` later. */
function ownerSql(owner: string, caller: string | null, major: number): string {
  const name = pg.escapeLiteral(owner);
  const options = major >= 16 ? ' WITH INHERIT TRUE, SET TRUE' : '';
  const forCaller =
    caller === null
      ? ''
      : `\n  IF ${pg.escapeLiteral(caller)} <> current_user THEN
    GRANT ${pg.escapeIdentifier(owner)} TO ${pg.escapeIdentifier(caller)}${options};
  END IF;`;
  return `DO $owner$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${name}) THEN
    CREATE ROLE ${pg.escapeIdentifier(owner)} NOLOGIN;
  END IF;
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    EXECUTE format('GRANT %I TO %I${options}', ${name}, current_user);
  END IF;${forCaller}
END
$owner$;`;
}

function migrationsSql(from: number): string[] {
  return [
    `${NOTE_OBJECTS};`,
    ...(from === 0
      ? [
          'CREATE TABLE IF NOT EXISTS colophon.migrations (version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());',
        ]
      : []),
    ...MIGRATIONS.filter(({ version }) => version > from).flatMap(({ version, sql }) => [
      `-- Version ${version}`,
      sql.trim(),
      `INSERT INTO colophon.migrations (version) VALUES (${version});`,
    ]),
    `${CLOSE_NEW};`,
    renewRightsSql(),
  ];
}
