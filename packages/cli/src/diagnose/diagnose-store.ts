import { ColophonError, type ErrorCode, formatLsn, INVALID_LSN } from '@colophon/protocol';
import {
  addressOf,
  type Check,
  connect,
  consumerCommand,
  type Deadline,
  diagnoseClock,
  diagnoseTls,
  type FindingId,
  failedCheck,
  found,
  inspectClock,
  inspectProvider,
  ok,
  type SourceExamination,
  type SourceState,
} from '@colophon/setup';
import type { RoleRights, StoreStatus } from '@colophon/store';
import { sourceNames } from '../command-context.js';
import { openAuditStore, STORE } from '../open-audit-store.js';
import { type Settings, storeUrl } from '../settings.js';
import { diagnoseContext } from './diagnose-context.js';
import { diagnoseGaps } from './diagnose-gaps.js';

const FINDINGS: Partial<Record<ErrorCode, FindingId>> = {
  STORE_MISSING: 'store.missing',
  STORE_OUTDATED: 'store.outdated',
  STORE_TOO_NEW: 'store.newer',
};

/** Looks at the store: whether it is there, up to date, in step with the source, and whether contexts arrive. */
export async function diagnoseStore(
  settings: Settings,
  deadline: Deadline,
  { state, init }: SourceExamination,
): Promise<Check[]> {
  try {
    const way = await diagnoseWay(settings, deadline);
    const store = await openAuditStore(settings, deadline);
    const name = settings.name ?? state.server.database;
    const status = await deadline.race(store.status(), STORE);
    const rights = await deadline.race(store.rights('consumer'), STORE);
    const filter = { source: name, environment: settings.environment };
    const gaps = await deadline.race(store.gaps(filter), STORE);
    const baselines = await deadline.race(store.baselines(), STORE);
    const ours = baselines.filter(
      ({ source, environment }) => source === name && environment === settings.environment,
    );
    const checks = [
      ...way,
      ok(
        'store',
        `version ${status.version}, ${status.sources.length === 1 ? '1 source' : `${status.sources.length} sources`}`,
      ),
      ...diagnosePosition(status, settings, state, init),
      diagnoseGaps(gaps, ours, state, sourceNames(settings)),
      diagnoseRights(rights, init),
      rights.mayRead
        ? diagnoseContext(
            await deadline.race(
              store.contextShares({
                source: name,
                ...(settings.environment !== '' && { environment: settings.environment }),
              }),
              STORE,
            ),
          )
        : ok('context', `not looked at: role ${rights.role} may not read changes, and needn't`),
    ];
    await deadline.race(store.close(), STORE);
    return checks;
  } catch (error) {
    if (!(error instanceof ColophonError)) throw error;
    if (error.code === 'PRIVILEGE_MISSING') return [refused(addressOf(storeUrl(settings))?.user ?? '')];
    const finding = FINDINGS[error.code] ?? 'store.unreachable';
    const isMadeByInit = finding === 'store.missing' || finding === 'store.outdated';
    return [failedCheck(finding, error, isMadeByInit ? { command: [init] } : null)];
  }
}

/** A role that may not even look. */
function refused(role: string): Check {
  const command = consumerCommand(role);
  return found('rights.missing', `the store refuses role ${role}, which lacks what run needs`, {
    remedy: `${command}, as who made the store`,
    fix: { command: [command], as: null },
  });
}

/** The way to a store of its own: TLS, and its clock. */
async function diagnoseWay(settings: Settings, deadline: Deadline): Promise<Check[]> {
  if (settings.store === null || settings.store === settings.source) return [];
  const connection = await connect({ url: storeUrl(settings), role: 'store', deadline });
  try {
    const { peer } = connection;
    const { clockOffsetMs, clockRangeMs } = await inspectClock(connection);
    return [
      diagnoseTls('store', peer, peer, await inspectProvider(connection)),
      diagnoseClock('store', clockOffsetMs, clockRangeMs),
    ];
  } finally {
    await connection.close();
  }
}

function diagnosePosition(
  status: StoreStatus,
  settings: Settings,
  { server, slot }: SourceState,
  init: string,
): Check[] {
  const name = settings.name ?? server.database;
  const source = status.sources.find(
    (known) =>
      known.source === name &&
      known.environment === settings.environment &&
      known.database === server.database,
  );
  if (source === undefined || source.endLsn === null) return [];
  if (source.systemIdentifier !== server.systemIdentifier) {
    return [
      found(
        'position.other',
        `the store's records of ${name} come from another cluster (${source.systemIdentifier}, now ${server.systemIdentifier})`,
        {
          remedy: `if it took the other one's place, run ${init}; otherwise give this source another --name, or another --store`,
          fix: { command: [init] },
        },
      ),
    ];
  }
  const slotLsn = formatLsn(slot?.confirmedFlushLsn ?? INVALID_LSN);
  return [ok('store position', `stored up to ${formatLsn(source.endLsn)}, the slot stands at ${slotLsn}`)];
}

/** Whether the role of `run` may do what it must, and no more. */
function diagnoseRights({ role, owner, ownerCanLogIn, mayChange, missing }: RoleRights, init: string): Check {
  if (missing.length > 0) {
    return found('rights.missing', `role ${role} lacks what run needs`, {
      remedy: missing.join('; '),
      fix: { sql: missing, as: ownerCanLogIn ? owner : null, at: 'store' },
    });
  }
  if (ownerCanLogIn) {
    // What the role may as the owner it loses with the store.
    const command = role === owner ? [init, consumerCommand(role)] : [init];
    return found(
      'rights.owner',
      `the store belongs to ${owner}, a role that can log in, and so could change audit records`,
      {
        remedy: `${command.join(', then ')}, once as a role with CREATEROLE, gives it an owner that can not log in`,
        fix: { command, as: null },
      },
    );
  }
  if (mayChange) {
    return found('rights.many', `role ${role} could change audit records`, {
      remedy: `let run connect as a role of its own: ${ROLE_COMMAND}`,
      fix: { command: [ROLE_COMMAND], setting: { name: 'user', value: CONSUMER } },
    });
  }
  return ok(
    'store rights',
    `role ${role} may add records and change none; they belong to ${owner}, which can't log in`,
  );
}

const ROLE_COMMAND = 'colophon role consumer';
const CONSUMER = 'colophon_consumer';
