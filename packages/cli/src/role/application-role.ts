import {
  checkSourceRights,
  type Deadline,
  inspectApplication,
  planLogin,
  planSourceRights,
} from '@colophon/setup';
import { withSource } from '../command-context.js';
import { visible } from '../render/display-text.js';
import type { Settings } from '../settings.js';
import type { Terminal } from '../terminal.js';
import { applyStatements } from './apply-statements.js';

/** The role that an application connects as. */
export interface ApplicationWish {
  readonly role: string;
  readonly password: string | null;
  readonly isDry: boolean;
}

/**
 * Makes an application's role able to log in and to emit, which PUBLIC is unless somebody took it away; nothing of the store.
 * What it may and should not is named, and left as it is: whoever gave it may have had a reason.
 */
export async function makeApplicationRole(
  settings: Settings,
  terminal: Terminal,
  deadline: Deadline,
  { role, password, isDry }: ApplicationWish,
): Promise<void> {
  const rights = { emits: true };
  await withSource(settings, deadline, async (source) => {
    const statements = [
      ...(await planLogin(source, { role, password, replicates: false })),
      ...(await planSourceRights(source, role, rights)),
    ];
    await applyStatements(source, statements, terminal, isDry);
    if (!isDry) {
      await checkSourceRights(source, role, rights);
      terminal.talk(
        `Role ${visible(role)} has what an application needs to say who, where and why. Its own tables are yours to grant.`,
      );
    }
    for (const fault of await inspectApplication(source, role)) terminal.talk(`! ${visible(fault)}.`);
  });
}
