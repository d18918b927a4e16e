import { ColophonError } from '@colophon/protocol';
import { type Connection, connect, type Deadline, inspectSlot, type SourceState } from '@colophon/setup';
import { type CommandContext, confirm } from './command-context.js';
import { visible } from './render/display-text.js';
import { storeUrl } from './settings.js';

interface KnownSource {
  system: string;
  slot: string;
  stored: string | null;
}

/**
 * Looks whether the store knows a source of this name already that isn't this one, before anything is changed: taken for it by
 * mistake, the other's ledger would go on here. Throws `SOURCE_CHANGED` for one of another server, unless that is
 * meant (`--yes`, or the answer to the question); `STORE_BUSY` for one that is read through another slot, which is still there.
 */
export async function checkSourceName(
  context: CommandContext<{ yes?: boolean }>,
  source: Connection,
  { server }: SourceState,
  deadline: Deadline,
): Promise<void> {
  const { settings, flags, terminal } = context;
  const name = settings.name ?? server.database;
  const known = await readKnown(context, [name, settings.environment, server.database], deadline);
  if (known === undefined) return;
  const label = visible(settings.environment === '' ? name : `${name} (${settings.environment})`);
  if (known.system === server.systemIdentifier) {
    if (known.slot === settings.slot) return;
    const other = await inspectSlot(source, known.slot);
    if (other === null || other.database !== server.database || other.walStatus === 'lost') return;
    throw new ColophonError(
      'STORE_BUSY',
      `The store has ${label} through slot ${visible(known.slot)}, which is there, and this is slot ${settings.slot}: give what is read through it a --name or --environment of its own; or, if it takes the other's place, drop slot ${visible(known.slot)} first. Nothing was changed.`,
      { details: { slot: settings.slot, otherSlot: known.slot } },
    );
  }
  if (flags.yes === true) return;
  const seen = `The store knows ${label} as another server (system ${known.system}, ${known.stored === null ? 'nothing stored' : `last stored ${known.stored}`}); this is system ${server.systemIdentifier}`;
  if (!terminal.isInteractive) {
    throw new ColophonError(
      'SOURCE_CHANGED',
      `${seen}: give this source a --name or --environment of its own; or, if it took the other's place, stop the other's colophon run and run the same init with --yes. Nothing was changed.`,
      { details: { stored: known.system, source: server.systemIdentifier } },
    );
  }
  await confirm(context, `${seen}. Did this one take its place?`);
  deadline.renew();
}

async function readKnown(
  { settings }: CommandContext<unknown>,
  key: readonly [name: string, environment: string, database: string],
  deadline: Deadline,
): Promise<KnownSource | undefined> {
  const store = await connect({ url: storeUrl(settings), role: 'store', deadline });
  try {
    // A role without the right is told so by what comes next.
    const [there] = await store.query<{ may: boolean }>(
      `SELECT coalesce(has_schema_privilege('colophon', 'USAGE') AND has_table_privilege(to_regclass('colophon.sources'), 'SELECT')
         AND has_table_privilege(to_regclass('colophon.positions'), 'SELECT'), false) AS may
       WHERE to_regnamespace('colophon') IS NOT NULL`,
    );
    if (there?.may !== true) return undefined;
    const [known] = await store.query<{ system: string; slot: string; stored: string | null }>(
      `SELECT coalesce(to_jsonb(p) ->> 'accounted_system_identifier', p.system_identifier, o.system_identifier) AS system, o.slot,
              to_char(p.stored_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"') AS stored
         FROM colophon.sources o LEFT JOIN colophon.positions p ON p.source_id = o.id
        WHERE (o.name, o.environment, o.database) = ($1, $2, $3)`,
      [...key],
    );
    return known;
  } finally {
    await store.close();
  }
}
