import { ColophonError } from '@colophon/protocol';
import {
  applyPlan,
  type Connection,
  connect,
  type Deadline,
  displayTable,
  type InitPlan,
  inspectProvider,
  inspectSizes,
  inspectSource,
  isTablePattern,
  listTables,
  type NewTablesPolicy,
  planInit,
  type SourceState,
  type Step,
  type TableName,
  type TableWish,
} from '@colophon/setup';
import { DEFAULT_OWNER, migrateStore, type StoreScript, storeScript } from '@colophon/store';
import { askNewTables, askTables } from '../ask.js';
import { beginLedger } from '../begin-ledger.js';
import { checkSourceName } from '../check-source-name.js';
import { type CommandContext, confirm, deadlineOf, sourceNames, withSource } from '../command-context.js';
import { preview, sqlScript } from '../preview.js';
import { visible } from '../render/display-text.js';
import { type Settings, sourceUrl, storeUrl } from '../settings.js';
import { copyTables } from './snapshot.js';

/** `init`'s own flags. */
export interface InitFlags {
  yes?: boolean;
  dryRun?: boolean;
  snapshot?: boolean;
  printSql?: boolean;
}

/** Makes the store, then publication, replica identities and slot at the source. All checks come before any change. */
export async function init(context: CommandContext<InitFlags>): Promise<void> {
  const { settings, flags, terminal } = context;
  const isAsking = terminal.isInteractive && flags.yes !== true;
  if (settings.tables === null && !isAsking) {
    throw new ColophonError(
      'INVALID_OPTION',
      'Which tables? Give --tables todo,sales.order or --all-tables.',
    );
  }
  const deadline = deadlineOf(settings, context.interrupted);
  let chosen: readonly TableName[] = [];
  let isSetUp = false;
  await withSource(settings, deadline, async (connection) => {
    const names = sourceNames(settings);
    const state = await inspectSource(connection, names, namesIn(settings.tables));
    const { tables, newTables } = await chosenTables(context, connection, state, deadline);
    const plan = planInit(state, {
      ...names,
      tables,
      newTables,
      identity: settings.identity,
      failover: settings.failover,
      ddl: settings.ddl,
      provider: await inspectProvider(connection),
    });
    if (flags.dryRun === true) {
      for (const step of plan.steps) await terminal.out(`${step.sql};\n`);
      return;
    }
    if (flags.printSql === true) {
      const store = await readStoreScript(settings, deadline);
      const places = { store: placeOf(storeUrl(settings)), source: placeOf(sourceUrl(settings)) };
      await terminal.out(sqlScript(store, plan.steps, places));
      for (const notice of plan.notices) terminal.talk(`! ${visible(notice)}`);
      for (const left of plan.leftOut) terminal.talk(`! Left out: ${visible(left.reason)}`);
      return;
    }
    await checkStoreRight(settings, deadline);
    await checkSourceName(context, connection, state, deadline);
    if (isAsking && plan.steps.length > 0) {
      const store = await readStoreScript(settings, deadline);
      preview(terminal, store, plan.steps, state.server.database);
      await confirm(context, `${summary(plan)} in database ${visible(state.server.database)}?`);
      deadline.renew();
    }
    const migrating = migrateStore(storeUrl(settings), { owner: DEFAULT_OWNER });
    const { from, to, owner } = await deadline.race(migrating, 'The store');
    if (from !== to) terminal.talk(`✓ Store at version ${to}${from === 0 ? '' : ` (was ${from})`}.`);
    if (owner.reason !== null) {
      terminal.talk(
        `! The store belongs to ${visible(owner.name)}${owner.canLogIn ? ', a role that can log in' : ''}, since ${visible(owner.reason)}.`,
      );
    }
    const { done, leftOut, notices } = await applyPlan(connection, plan, {
      deadline,
      onStart: (step) => terminal.progress(`… ${stepText(step)}`),
      onDone: (step) => terminal.talk(`✓ ${stepText(step)}`),
    });
    const isNewSlot = done.some((step) => step.kind === 'slot');
    await beginLedger(connection, settings, state, isNewSlot, deadline, terminal.talk);
    for (const notice of [...plan.notices, ...notices]) terminal.talk(`! ${visible(notice)}`);
    for (const left of [...plan.leftOut, ...leftOut]) terminal.talk(`! Left out: ${visible(left.reason)}`);
    if (leftOut.length > 0) {
      throw new ColophonError(
        'LOCK_TIMEOUT',
        `Not tracked yet, since other transactions held them: ${leftOut.map((left) => visible(displayTable(left.table))).join(', ')}. End those transactions (pg_stat_activity), or wait, then run the same init again; everything else is set up.`,
        { retryable: true },
      );
    }
    const tracked = plan.tracked.map((table) => visible(displayTable(table)));
    terminal.talk(
      `Tracked: ${tracked.join(', ')}${plan.steps.length === 0 ? ' (nothing had to be changed)' : ''}.`,
    );
    if (plan.alsoPublished.length > 0) {
      terminal.talk(
        `Also published from before, and kept: ${plan.alsoPublished.map((table) => visible(displayTable(table))).join(', ')}.`,
      );
    }
    chosen = plan.tracked;
    isSetUp = true;
  });
  if (!isSetUp) return;
  if (flags.snapshot === true) {
    await copyTables(settings, terminal, context.interrupted, { tables: chosen, onlyMissing: true });
  }
  terminal.talk('Next: colophon run');
}

/** The tables that are wished, and what becomes of later ones: as the settings say, else as the answers do. */
async function chosenTables(
  context: CommandContext<InitFlags>,
  connection: Connection,
  state: SourceState,
  deadline: Deadline,
): Promise<{ tables: TableWish; newTables: NewTablesPolicy | undefined }> {
  const { settings } = context;
  const policy = settings.newTables ?? undefined;
  if (settings.tables !== null) return { tables: settings.tables, newTables: policy };
  const listed = listTables(state, settings.identity);
  const sizes = await inspectSizes(
    connection,
    listed.flatMap(({ leaves }) => leaves.map(({ oid }) => oid)),
  );
  const chosen = await askTables(context, listed, sizes);
  const isKnown = policy !== undefined || state.publication?.memory?.newTables !== undefined;
  const newTables = isKnown ? policy : await askNewTables(context);
  deadline.renew();
  // Nothing that was never otherwise needs no note.
  return { tables: chosen.map(({ relation }) => relation), newTables };
}

/** The tables named: they may be in schemas that are not looked at otherwise. */
function namesIn(wish: TableWish | null): TableName[] {
  const names: TableName[] = [];
  for (const wished of wish === null || wish === 'all' ? [] : wish) {
    if (!isTablePattern(wished)) names.push(wished);
  }
  return names;
}

async function readStoreScript(settings: Settings, deadline: Deadline): Promise<StoreScript> {
  const connection = await connect({ url: storeUrl(settings), role: 'store', deadline });
  try {
    const client = {
      query: async (sql: string, values?: unknown[]) => ({ rows: await connection.query(sql, values) }),
    };
    return await storeScript(client, DEFAULT_OWNER);
  } finally {
    await connection.close();
  }
}

/** Where a URL leads, for psql: without user and password. */
function placeOf(url: string): string {
  const { hostname, port, pathname, searchParams } = new URL(url);
  const host = searchParams.get('host') ?? decodeURIComponent(hostname);
  const database = decodeURIComponent(pathname.slice(1));
  const value = (text: string): string => `'${text.replace(/['\\\\]/g, '\\\\$&')}'`;
  return [['host', host] as const, ['port', port] as const, ['dbname', database] as const]
    .filter(([, text]) => text !== '')
    .map(([key, text]) => `${key}=${value(text)}`)
    .join(' ');
}

/** Whether the store can be made where it is to be; asked before anything is changed. */
async function checkStoreRight(settings: Settings, deadline: Deadline): Promise<void> {
  const connection = await connect({ url: storeUrl(settings), role: 'store', deadline });
  try {
    const [row] = await connection.query<{ may: boolean; role: string; database: string; standby: boolean }>(
      `SELECT to_regnamespace('colophon') IS NOT NULL
              OR has_database_privilege(current_database(), 'CREATE') AS may,
              current_user AS role, current_database() AS database, pg_is_in_recovery() AS standby`,
    );
    if (row!.may && !row!.standby) return;
    const { role, database } = row!;
    throw new ColophonError(
      row!.standby ? 'UNSUPPORTED_SERVER' : 'PRIVILEGE_MISSING',
      row!.standby
        ? "The store's server is a standby, which can't be written to: give another with --store."
        : `Role ${role} may not create the store in database ${database}: give another database with --store, or GRANT CREATE ON DATABASE. Nothing was changed.`,
      { details: { role, database } },
    );
  } finally {
    await connection.close();
  }
}

function summary(plan: InitPlan): string {
  const identities = plan.steps.filter((step) => step.kind === 'identity').length;
  const published = plan.steps.filter((step) => step.kind === 'publish').length;
  const parts = [
    ...(published > 0 ? [`publish ${published} ${published === 1 ? 'table' : 'tables'}`] : []),
    ...(identities > 0 ? [`set ${identities} replica ${identities === 1 ? 'identity' : 'identities'}`] : []),
    ...(plan.steps.some((step) => step.kind === 'ddl' || step.kind === 'track')
      ? ['create event triggers']
      : []),
    ...(plan.steps.some((step) => step.kind === 'slot') ? ['create a replication slot'] : []),
  ];
  const text = parts.length === 0 ? 'change the publication' : parts.join(', ');
  return text[0]!.toUpperCase() + text.slice(1);
}

/** A step in a few words. */
export function stepText(step: Step): string {
  const table = step.table === null ? '' : visible(displayTable(step.table));
  switch (step.kind) {
    case 'identity':
      return `${table}: replica identity ${step.sql.slice(step.sql.lastIndexOf('REPLICA IDENTITY ') + 17)}, ${step.reason}`;
    case 'publish':
    case 'unpublish':
      return `${table}: ${step.kind}ed`;
    case 'ddl':
      return `event triggers ${step.reason}`;
    case 'track':
      return `event trigger for new tables ${step.reason}`;
    case 'slot':
      return `replication slot ${step.reason}`;
    default:
      return `publication ${step.reason}`;
  }
}
