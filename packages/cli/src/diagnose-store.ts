import { ColophonError, formatLsn, INVALID_LSN } from '@colophon/protocol';
import { type Check, connect, type Deadline, type SourceState } from '@colophon/setup';
import { STORE_VERSION } from '@colophon/store';
import { failedCheck } from './failed-check.js';
import { type Settings, storeUrl } from './settings.js';

/** Looks at the store: whether it is there, up to date, in step with the slot, and whether contexts arrive. */
export async function diagnoseStore(
  settings: Settings,
  deadline: Deadline,
  state: SourceState,
): Promise<Check[]> {
  const connection = await connect({ url: storeUrl(settings), role: 'store', deadline }).catch(
    (error: unknown) => {
      if (error instanceof ColophonError) return error;
      throw error;
    },
  );
  if (connection instanceof ColophonError) return [failedCheck('store', connection)];
  try {
    const [made] = await connection.query<{ is_made: boolean }>(
      `SELECT to_regclass('colophon.migrations') IS NOT NULL AS is_made`,
    );
    if (!made!.is_made) {
      return [
        {
          name: 'store',
          verdict: 'fail',
          message: `${connection.target} has no schema colophon`,
          remedy: 'colophon init',
        },
      ];
    }
    const [row] = await connection.query<{ version: number }>(
      'SELECT max(version)::int AS version FROM colophon.migrations',
    );
    const version = row!.version ?? 0;
    if (version !== STORE_VERSION) {
      const isOld = version < STORE_VERSION;
      return [
        {
          name: 'store',
          verdict: 'fail',
          message: `${connection.target} is at version ${version}, wanted ${STORE_VERSION}`,
          remedy: isOld ? 'colophon init brings it up to date' : 'update colophon',
        },
      ];
    }
    return [
      { name: 'store', verdict: 'ok', message: `${connection.target}, version ${version}`, remedy: null },
      ...(await diagnosePosition(connection, settings, state)),
      ...(await diagnoseContext(connection)),
    ];
  } catch (error) {
    if (!(error instanceof ColophonError)) throw error;
    return [failedCheck('store', error)];
  } finally {
    await connection.close();
  }
}

type Connection = Awaited<ReturnType<typeof connect>>;

async function diagnosePosition(
  connection: Connection,
  settings: Settings,
  state: SourceState,
): Promise<Check[]> {
  const [row] = await connection.query<{ system: string; stored: string }>(
    `SELECT p.system_identifier AS system, p.end_lsn::text AS stored
       FROM colophon.sources s JOIN colophon.positions p ON p.source_id = s.id
      WHERE s.name = $1 AND s.environment = $2 AND p.end_lsn IS NOT NULL`,
    [settings.name ?? state.server.database, settings.environment],
  );
  if (row === undefined || state.slot === null) return [];
  if (row.system !== state.server.systemIdentifier) {
    return [
      {
        name: 'store position',
        verdict: 'fail',
        message: `the store's records of this source come from another cluster (${row.system}, now ${state.server.systemIdentifier})`,
        remedy: 'give this source another --name, or another --store',
      },
    ];
  }
  return [
    {
      name: 'store position',
      verdict: 'ok',
      message: `stored up to ${row.stored}, the slot stands at ${formatLsn(state.slot.confirmedFlushLsn ?? INVALID_LSN)}`,
      remedy: null,
    },
  ];
}

const SAMPLE = 1000;

async function diagnoseContext(connection: Connection): Promise<Check[]> {
  const [row] = await connection.query<{ total: number; nameless: number }>(
    `SELECT count(*)::int AS total, (count(*) FILTER (WHERE context = '{}'))::int AS nameless
       FROM (SELECT context FROM colophon.changes ORDER BY seq DESC LIMIT ${SAMPLE}) AS latest`,
  );
  const { total, nameless } = row!;
  if (total === 0)
    return [{ name: 'context', verdict: 'ok', message: 'no change is stored yet', remedy: null }];
  const share = `${total - nameless} of the latest ${total} changes have a context`;
  if (nameless < total) return [{ name: 'context', verdict: 'ok', message: share, remedy: null }];
  return [
    {
      name: 'context',
      verdict: 'warn',
      message: share,
      remedy: 'let the application use @colophon/pg and a middleware that sets the context',
    },
  ];
}
