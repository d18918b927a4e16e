import { ColophonError } from '@colophon/protocol';
import { applyPlan, displayTable, inspectSource, planDrop } from '@colophon/setup';
import { type CommandContext, confirm, deadlineOf, sourceNames, withSource } from '../command-context.js';
import { checkOthersInStore, dropStore } from '../drop-store.js';
import { visible } from '../render/display-text.js';
import { stepText } from './init.js';

/** `drop`'s own flags. */
export interface DropFlags {
  yes?: boolean;
  dryRun?: boolean;
  storeToo?: boolean;
  everySource?: boolean;
}

/** Takes away what `init` made at the source; the store stays unless it is asked for too. */
export async function drop(context: CommandContext<DropFlags>): Promise<void> {
  const { settings, flags, terminal } = context;
  const deadline = deadlineOf(settings, context.interrupted);
  await withSource(settings, deadline, async (connection) => {
    const names = sourceNames(settings);
    const state = await inspectSource(connection, names);
    const plan = planDrop(state, names);
    if (flags.dryRun === true) {
      for (const step of plan.steps) await terminal.out(`${step.sql};\n`);
      return;
    }
    if (flags.storeToo === true && flags.everySource !== true) {
      await checkOthersInStore(settings, state, deadline);
    }
    const isWork = plan.steps.length > 0 || flags.storeToo === true;
    if (isWork && flags.yes !== true) {
      if (!terminal.isInteractive) {
        throw new ColophonError(
          'INVALID_OPTION',
          'There is nobody to ask here: give --yes to drop. Nothing was changed.',
        );
      }
      const store = flags.storeToo === true ? ', and the store with every audit record in it' : '';
      await confirm(
        context,
        `Drop slot ${names.slot} and publication ${visible(names.publication)}${store}, in database ${visible(state.server.database)}? Changes that are not stored yet are lost.`,
      );
      deadline.renew();
    }
    const { leftOut } = await applyPlan(connection, plan, {
      deadline,
      onStart: (step) => terminal.progress(`… ${stepText(step)}`),
      onDone: (step) => terminal.talk(`✓ ${stepText(step)}`),
    });
    for (const notice of plan.notices) terminal.talk(`! ${visible(notice)}`);
    if (leftOut.length > 0) {
      throw new ColophonError(
        'LOCK_TIMEOUT',
        `Not put back yet, since other transactions held them: ${leftOut.map((left) => visible(displayTable(left.table))).join(', ')}. End those transactions (pg_stat_activity), or wait, then run the same drop again.`,
        { retryable: true },
      );
    }
    if (plan.steps.length === 0) terminal.talk('Nothing of Colophon is at the source.');
    if (flags.storeToo === true) await dropStore(settings, deadline, terminal.talk);
    else {
      terminal.talk(
        'The store and its audit records stay, and the roles with rights in it (drop --store-too removes it).',
      );
    }
  });
}
