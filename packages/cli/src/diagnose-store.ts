import { ColophonError, formatLsn, INVALID_LSN } from '@colophon/protocol';
import { type Check, type Deadline, fail, failedCheck, ok, type SourceState, warn } from '@colophon/setup';
import type { RoleRights, SourceStatus, Store, StoreStatus } from '@colophon/store';
import { openAuditStore, STORE, withinDeadline } from './open-audit-store.js';
import type { Settings } from './settings.js';

const SAMPLE = 200;

/** Looks at the store: whether it is there, up to date, in step with the source, and whether contexts arrive. */
export async function diagnoseStore(
  settings: Settings,
  deadline: Deadline,
  state: SourceState,
): Promise<Check[]> {
  try {
    const store = await openAuditStore(settings, deadline);
    const status = await deadline.race(store.status(), STORE);
    const rights = await deadline.race(store.rights('consumer'), STORE);
    const checks = [
      ok(
        'store',
        `version ${status.version}, ${status.sources.length === 1 ? '1 source' : `${status.sources.length} sources`}`,
      ),
      ...diagnosePosition(status, settings, state),
      diagnoseRights(rights),
      rights.mayRead
        ? await diagnoseContext(store, deadline)
        : ok('context', `not looked at: role ${rights.role} may not read changes, and needn't`),
    ];
    await deadline.race(store.close(), STORE);
    return checks;
  } catch (error) {
    if (error instanceof ColophonError) return [failedCheck('store', error)];
    throw error;
  }
}

function diagnosePosition(status: StoreStatus, settings: Settings, { server, slot }: SourceState): Check[] {
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
      fail(
        'store position',
        'SOURCE_CHANGED',
        `the store's records of ${name} come from another cluster (${source.systemIdentifier}, now ${server.systemIdentifier})`,
        "if it took the other one's place, run colophon init; otherwise give this source another --name, or another --store",
      ),
    ];
  }
  const gaps = source.gaps === 0 ? [] : [gapsFound(source)];
  const slotLsn = formatLsn(slot?.confirmedFlushLsn ?? INVALID_LSN);
  return [
    ok('store position', `stored up to ${formatLsn(source.endLsn)}, the slot stands at ${slotLsn}`),
    ...gaps,
  ];
}

function gapsFound({ gaps, source }: SourceStatus): Check {
  return warn(
    'gaps',
    `${gaps === 1 ? '1 stretch' : `${gaps} stretches`} of ${source}'s log ${gaps === 1 ? 'is' : 'are'} not accounted for by what is stored`,
    'see colophon status, or the table colophon.gaps, for what they are',
  );
}

/** Whether the role of `run` may do what it must, and no more. */
function diagnoseRights({ role, owner, ownerCanLogIn, mayChange, missing }: RoleRights): Check {
  const name = 'store rights';
  if (missing.length > 0) {
    return fail(name, 'PRIVILEGE_MISSING', `role ${role} lacks what run needs`, missing.join('; '));
  }
  if (ownerCanLogIn) {
    return warn(
      name,
      `the store belongs to ${owner}, a role that can log in, and so could change audit records`,
      'colophon init, once as a role with CREATEROLE, gives it an owner that can not log in',
    );
  }
  if (mayChange) {
    return warn(
      name,
      `role ${role} could change audit records`,
      'let run connect as a role of its own: colophon role consumer',
    );
  }
  return ok(
    name,
    `role ${role} may add records and change none; they belong to ${owner}, which can't log in`,
  );
}

async function diagnoseContext(store: Store, deadline: Deadline): Promise<Check> {
  let total = 0;
  let named = 0;
  for await (const change of withinDeadline(store.changes({ limit: SAMPLE }), deadline)) {
    total++;
    if (change.contextJson !== '{}') named++;
  }
  if (total === 0) return ok('context', 'no change is stored yet');
  const share = `${named} of the latest ${total} changes have a context`;
  if (named > 0) return ok('context', share);
  return warn(
    'context',
    share,
    'let the application use @colophon/pg and a middleware that sets the context',
  );
}
