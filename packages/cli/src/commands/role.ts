import { ColophonError } from '@colophon/protocol';
import { type Connection, connect, planLogin, planSelect, type RoleStatement } from '@colophon/setup';
import { grantStatement, ROLE_KINDS, type RoleKind, STORE_RIGHTS } from '@colophon/store';
import { type CommandContext, deadlineOf, withSource } from '../command-context.js';
import { readPassword } from '../read-password.js';
import { sourceUrl, storeUrl } from '../settings.js';

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
 * Makes a role that can log in with the least rights that its kind needs, or gives one that is there what it lacks. At the
 * source and at the store, each in one transaction; where both are one database, in the same. The role must not be the
 * store's owner.
 */
export async function role(context: CommandContext<RoleFlags>): Promise<void> {
  const { settings, flags, terminal } = context;
  const kind = roleKind(flags.kind);
  const name = flags.roleName ?? `colophon_${kind}`;
  const password = flags.passwordStdin === true ? await readPassword(terminal) : null;
  const deadline = deadlineOf(settings);
  const grants = STORE_RIGHTS[kind].map((right) => plain(grantStatement(right, name)));
  const apply = async (connection: Connection, statements: readonly RoleStatement[]) => {
    if (statements.length === 0) return;
    if (flags.dryRun === true) {
      await terminal.out(`${statements.map(({ shown }) => `${shown};`).join('\n')}\n`);
      return;
    }
    await connection.query(statements.map(({ sql }) => sql).join(';\n'));
    for (const { shown } of statements) terminal.talk(`✓ ${shown}`);
  };
  const isOneDatabase = storeUrl(settings) === sourceUrl(settings);
  const atSource = async (connection: Connection) => [
    ...(await planLogin(connection, { role: name, password, replicates: kind === 'consumer' })),
    ...(flags.forSnapshot === true ? await planSelect(connection, settings.publication, name) : []),
  ];
  const isOfSource = kind === 'consumer';
  if (isOfSource) {
    await withSource(settings, deadline, async (connection) => {
      await apply(connection, [...(await atSource(connection)), ...(isOneDatabase ? grants : [])]);
    });
  }
  if (!isOfSource || !isOneDatabase) {
    const connection = await connect({ url: storeUrl(settings), role: 'store', deadline });
    try {
      const login = await planLogin(connection, { role: name, password, replicates: false });
      await apply(connection, [...login, ...grants]);
    } finally {
      await connection.close();
    }
  }
  if (flags.dryRun !== true)
    terminal.talk(`Role ${name} has what a ${kind} needs, and no more of Colophon's.`);
}

function roleKind(text: string | undefined): RoleKind {
  const kind = ROLE_KINDS.find((known) => known === text);
  if (kind !== undefined) return kind;
  throw new ColophonError(
    'INVALID_OPTION',
    `A role is a ${ROLE_KINDS.join(', a ')}: colophon role consumer, got ${JSON.stringify(text ?? '')}.`,
  );
}

function plain(sql: string): RoleStatement {
  return { sql, shown: sql };
}
