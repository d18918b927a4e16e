import { ColophonError } from '@colophon/protocol';
import {
  applyPlan,
  type Deadline,
  displayTable,
  inspectSource,
  parseTableWish,
  planTrack,
  planUntrack,
  type SourceState,
  type TableWish,
  type TrackPlan,
} from '@colophon/setup';
import { type CommandContext, confirm, deadlineOf, sourceNames, withSource } from '../command-context.js';
import { preview, sqlOf } from '../preview.js';
import { visible } from '../render/display-text.js';
import { stepText } from './init.js';
import { listAllTables } from './list-tables.js';

/** `tables`' own flags. */
export interface TablesFlags {
  action?: string;
  named?: string[];
  newTables?: string;
  dryRun?: boolean;
  yes?: boolean;
  json?: boolean;
}

/** Lists the tables, tracks or untracks some, and says what becomes of later ones. A running consumer goes on. */
export async function tables(context: CommandContext<TablesFlags>): Promise<void> {
  const { flags, settings, terminal } = context;
  const action = actionOf(flags);
  if (action === 'list') return listAllTables(context);
  const wish = (flags.named ?? []).flatMap(parseTableWish);
  const deadline = deadlineOf(settings, context.interrupted);
  await withSource(settings, deadline, async (connection) => {
    const names = sourceNames(settings);
    const state = await inspectSource(connection, names);
    const plan =
      action === 'untrack' ? planUntrack(state, names.publication, wish) : trackPlan(context, state, wish);
    if (flags.dryRun === true) {
      for (const step of plan.steps) await terminal.out(sqlOf(step));
      return;
    }
    if (plan.steps.length > 0) await ask(context, action, plan, state, deadline);
    const { leftOut } = await applyPlan(connection, plan, {
      deadline,
      onStart: (step) => terminal.progress(`… ${stepText(step)}`),
      onDone: (step) => terminal.talk(`✓ ${stepText(step)}`),
    });
    for (const notice of plan.notices) terminal.talk(`! ${visible(notice)}`);
    for (const left of [...plan.leftOut, ...leftOut]) terminal.talk(`! Left out: ${visible(left.reason)}`);
    if (leftOut.length > 0) {
      throw new ColophonError(
        'LOCK_TIMEOUT',
        `Other transactions held ${leftOut.map((left) => visible(displayTable(left.table))).join(', ')}: end them (pg_stat_activity), or wait, then run the same command again; everything else is done.`,
        { retryable: true },
      );
    }
    const which = plan.tracked.map((table) => visible(displayTable(table))).join(', ');
    if (which !== '') terminal.talk(`${action === 'untrack' ? 'No longer tracked' : 'Tracked'}: ${which}.`);
    if (plan.steps.length === 0) terminal.talk('Nothing had to be changed.');
  });
}

type Action = 'list' | 'track' | 'untrack' | 'policy';

function actionOf({ action, named = [], newTables }: TablesFlags): Action {
  if (action === undefined) return newTables === undefined ? 'list' : 'policy';
  if (action !== 'track' && action !== 'untrack') {
    throw new ColophonError(
      'INVALID_OPTION',
      `colophon tables lists them, colophon tables track or untrack with names does that, got ${JSON.stringify(action)}.`,
    );
  }
  if (named.length === 0) {
    throw new ColophonError('INVALID_OPTION', `Which tables? colophon tables ${action} todo 'sales.*'.`);
  }
  if (action === 'untrack' && newTables !== undefined) {
    throw new ColophonError('INVALID_OPTION', '--new-tables goes with track, or alone.');
  }
  return action;
}

function trackPlan(
  { settings, flags }: CommandContext<TablesFlags>,
  state: SourceState,
  wish: TableWish,
): TrackPlan {
  const { publication, identity, newTables, tables: scope } = settings;
  return planTrack(state, {
    publication,
    tables: wish,
    identity,
    // A variable or a file speaks to `init`.
    ...(flags.newTables === undefined ? {} : { newTables: newTables!, scope: scope ?? [] }),
  });
}

async function ask(
  context: CommandContext<TablesFlags>,
  action: Action,
  plan: TrackPlan,
  state: SourceState,
  deadline: Deadline,
): Promise<void> {
  const { flags, terminal } = context;
  if (flags.yes === true) return;
  if (!terminal.isInteractive) {
    if (action !== 'untrack') return;
    throw new ColophonError(
      'INVALID_OPTION',
      'There is nobody to ask here: give --yes to untrack. Nothing was changed.',
    );
  }
  preview(terminal, null, plan.steps, state.server.database);
  const count = plan.tracked.length === 1 ? '1 table' : `${plan.tracked.length} tables`;
  const what =
    action === 'policy'
      ? 'Change what becomes of new tables'
      : `${action === 'track' ? 'Track' : 'Untrack'} ${count}`;
  await confirm(context, `${what} in database ${visible(state.server.database)}?`);
  deadline.renew();
}
