import { ColophonError } from '@colophon/protocol';
import {
  type Connection,
  checkSelect,
  checkSourceRights,
  connect,
  planLogin,
  planSelect,
  planSourceRights,
} from '@colophon/setup';
import {
  checkStoreVersion,
  grantStatement,
  missingGrants,
  ROLE_KINDS,
  type RoleKind,
  STORE_RIGHTS,
} from '@colophon/store';
import { type CommandContext, deadlineOf, withSource } from '../command-context.js';
import { readPassword } from '../read-password.js';
import { visible } from '../render/display-text.js';
import { makeApplicationRole } from '../role/application-role.js';
import { applyStatements } from '../role/apply-statements.js';
import { storeUrl } from '../settings.js';

/** `role`'s own flags. */
export interface RoleFlags {
  /** The argument: what the role is for. */
  kind?: string;
  roleName?: string;
  passwordStdin?: boolean;
  forSnapshot?: boolean;
  dryRun?: boolean;
}

/**
 * Makes a role that can log in with the least rights that its kind needs, or gives one that is there what it lacks. What
 * belongs to the store comes first, in one transaction; then what belongs to the source, where that is another database.
 */
export async function role(context: CommandContext<RoleFlags>): Promise<void> {
  const { settings, flags, terminal } = context;
  const kind = roleKind(flags.kind);
  const name = flags.roleName ?? `colophon_${kind}`;
  const password = flags.passwordStdin === true ? await readPassword(terminal) : null;
  const deadline = deadlineOf(settings, context.interrupted);
  const isDry = flags.dryRun === true;
  if (kind === 'application') {
    await makeApplicationRole(settings, terminal, deadline, { role: name, password, isDry });
    return;
  }
  const isConsumer = kind === 'consumer';
  const isOneDatabase = settings.store === null || settings.store === settings.source;
  // The marker of `run --once` is an emission.
  const rights = { emits: isConsumer };
  const atSource = async (connection: Connection) => [
    ...(await planLogin(connection, { role: name, password, replicates: isConsumer })),
    ...(await planSourceRights(connection, name, rights)),
    ...(flags.forSnapshot === true ? await planSelect(connection, settings.publication, name) : []),
  ];
  const checkSource = async (connection: Connection) => {
    await checkSourceRights(connection, name, rights);
    if (flags.forSnapshot === true) await checkSelect(connection, settings.publication, name);
  };
  const store = await connect({ url: storeUrl(settings), role: 'store', deadline });
  try {
    const client = {
      query: async (sql: string, values?: unknown[]) => ({ rows: await store.query(sql, values) }),
    };
    await checkStoreVersion(client);
    const first = isOneDatabase
      ? await atSource(store)
      : [
          ...(await planLogin(store, { role: name, password, replicates: false })),
          ...(await planSourceRights(store, name, { emits: false })),
        ];
    const grants = STORE_RIGHTS[kind].map((right) => grantStatement(right, name));
    await applyStatements(store, [...first, ...grants.map((sql) => ({ sql, shown: sql }))], terminal, isDry);
    if (!isDry) {
      if (isOneDatabase) await checkSource(store);
      else await checkSourceRights(store, name, { emits: false });
      checkGiven(await missingGrants(client, kind, name), name);
    }
  } finally {
    await store.close();
  }
  if (!isOneDatabase && (isConsumer || flags.forSnapshot === true)) {
    await withSource(settings, deadline, async (source) => {
      await applyStatements(source, await atSource(source), terminal, isDry);
      if (!isDry) await checkSource(source);
    });
  }
  if (isDry) return;
  terminal.talk(`Role ${visible(name)} has what a ${kind} needs, and no more of Colophon's.`);
}

/** PostgreSQL only warns where a GRANT gave nothing. */
function checkGiven(missing: readonly string[], role: string): void {
  if (missing.length === 0) return;
  throw new ColophonError(
    'PRIVILEGE_MISSING',
    `The connected role may not give what ${role} lacks: the store's owner, a member of it, or a superuser runs ${missing.join('; ')}.`,
  );
}

const KINDS = ['consumer', 'application', ...ROLE_KINDS.filter((kind) => kind !== 'consumer')] as const;

function roleKind(text: string | undefined): RoleKind | 'application' {
  const kind = KINDS.find((known) => known === text);
  if (kind !== undefined) return kind;
  throw new ColophonError(
    'INVALID_OPTION',
    `A role is for one of ${KINDS.join(', ')}: colophon role consumer, got ${JSON.stringify(text ?? '')}.`,
  );
}
