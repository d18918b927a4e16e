import { ColophonError } from '@colophon/protocol';
import { type Connection, connect, planLogin, planSelect, type RoleStatement } from '@colophon/setup';
import { checkStoreVersion, grantStatement, ROLE_KINDS, type RoleKind, STORE_RIGHTS } from '@colophon/store';
import { type CommandContext, deadlineOf, withSource } from '../command-context.js';
import { readPassword } from '../read-password.js';
import { visible } from '../render/display-text.js';
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
  const deadline = deadlineOf(settings);
  const isConsumer = kind === 'consumer';
  const isOneDatabase = settings.store === null || settings.store === settings.source;
  const atSource = async (connection: Connection) => [
    ...(await planLogin(connection, { role: name, password, replicates: isConsumer })),
    ...(flags.forSnapshot === true ? await planSelect(connection, settings.publication, name) : []),
  ];
  const apply = async (connection: Connection, statements: readonly RoleStatement[]) => {
    if (statements.length === 0) return;
    if (flags.dryRun === true) {
      await terminal.out(`${statements.map(({ shown }) => `${visible(shown)};`).join('\n')}\n`);
      return;
    }
    await connection.query(statements.map(({ sql }) => sql).join(';\n'));
    for (const { shown } of statements) terminal.talk(`✓ ${visible(shown)}`);
  };
  const store = await connect({ url: storeUrl(settings), role: 'store', deadline });
  try {
    await checkStoreVersion({ query: async (sql, values) => ({ rows: await store.query(sql, values) }) });
    const first = isOneDatabase
      ? await atSource(store)
      : await planLogin(store, { role: name, password, replicates: false });
    const grants = STORE_RIGHTS[kind].map((right) => grantStatement(right, name));
    await apply(store, [...first, ...grants.map((sql) => ({ sql, shown: sql }))]);
  } finally {
    await store.close();
  }
  if (!isOneDatabase && (isConsumer || flags.forSnapshot === true)) {
    await withSource(settings, deadline, async (source) => apply(source, await atSource(source)));
  }
  if (flags.dryRun === true) return;
  terminal.talk(`Role ${visible(name)} has what a ${kind} needs, and no more of Colophon's.`);
}

function roleKind(text: string | undefined): RoleKind {
  const kind = ROLE_KINDS.find((known) => known === text);
  if (kind !== undefined) return kind;
  throw new ColophonError(
    'INVALID_OPTION',
    `A role is a ${ROLE_KINDS.join(', a ')}: colophon role consumer, got ${JSON.stringify(text ?? '')}.`,
  );
}
