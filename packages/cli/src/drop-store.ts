import { ColophonError } from '@colophon/protocol';
import { connect, type Deadline, type SourceState } from '@colophon/setup';
import { visible } from './render/display-text.js';
import { dropRoleStatements, rolesOfStore } from './role/left-roles.js';
import { type Settings, storeUrl } from './settings.js';

/**
 * Refuses to take away a store that holds records of other databases than this, which may be audited still. Throws
 * `INVALID_OPTION` before anything is changed.
 */
export async function checkOthersInStore(
  settings: Settings,
  { server }: SourceState,
  deadline: Deadline,
): Promise<void> {
  const connection = await connect({ url: storeUrl(settings), role: 'store', deadline });
  try {
    const [there] = await connection.query<{ is: boolean }>(
      "SELECT to_regclass('colophon.sources') IS NOT NULL AS is",
    );
    if (there?.is !== true) return;
    const others = await connection.query<{ name: string; environment: string }>(
      `SELECT name, environment FROM colophon.sources
        WHERE (system_identifier, database) <> ($1, $2) AND (name, environment, database) <> ($3, $4, $2)
        ORDER BY name, environment`,
      [server.systemIdentifier, server.database, settings.name ?? server.database, settings.environment],
    );
    if (others.length === 0) return;
    const names = others.map(({ name, environment }) =>
      visible(environment === '' ? name : `${name} (${environment})`),
    );
    throw new ColophonError(
      'INVALID_OPTION',
      `The store has the records of other sources, too: ${names.join(', ')}. Leave --store-too out, or give --every-source if all of them are to go. Nothing was changed.`,
    );
  } finally {
    await connection.close();
  }
}

/** Takes away the store with every audit record in it, and says what takes away the roles that were made for it. */
export async function dropStore(
  settings: Settings,
  deadline: Deadline,
  talk: (line: string) => void,
): Promise<void> {
  const connection = await connect({ url: storeUrl(settings), role: 'store', deadline });
  try {
    const roles = await rolesOfStore(connection);
    await connection.query(`SET lock_timeout = 5000; SET client_min_messages = warning`);
    await connection.query('DROP SCHEMA IF EXISTS colophon CASCADE');
    talk('✓ Dropped: the store, schema colophon');
    if (roles.length === 0) return;
    talk('! The roles stay, since other databases may need them. Where none does, this takes them away:');
    for (const role of roles) talk(`  ${visible(dropRoleStatements(role).join('; '))};`);
  } finally {
    await connection.close();
  }
}
