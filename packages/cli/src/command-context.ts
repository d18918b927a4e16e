import { ColophonError } from '@colophon/protocol';
import { type Connection, connect, Deadline, type SourceNames } from '@colophon/setup';
import { type Settings, sourceUrl } from './settings.js';
import type { Terminal } from './terminal.js';

/** What a command gets to work with. */
export interface CommandContext<Flags> {
  readonly settings: Settings;
  readonly flags: Flags;
  readonly terminal: Terminal;
  /** This program's own version. */
  readonly version: string;
  /** Aborted at SIGINT and SIGTERM. */
  readonly interrupted: AbortSignal;
}

/** Does something with a connection to the source that is closed afterwards, within the deadline. */
export async function withSource<T>(
  settings: Settings,
  deadline: Deadline,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await connect({ url: sourceUrl(settings), role: 'source', deadline });
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

/** The names of the slot and the publication. */
export function sourceNames(settings: Settings): SourceNames {
  return { slot: settings.slot, publication: settings.publication };
}

/** The time that this command may wait for servers. `signal`: what ends it before, where the command doesn't see to that itself. */
export function deadlineOf(settings: Settings, signal?: AbortSignal): Deadline {
  return new Deadline(settings.timeoutMs, signal);
}

/** Asks a yes-or-no question on the terminal; no is the answer to anything but yes. */
export async function confirm(context: CommandContext<{ yes?: boolean }>, question: string): Promise<void> {
  if (context.flags.yes === true) return;
  const { createInterface } = await import('node:readline/promises');
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await reader.question(`${question} [y/N] `, { signal: context.interrupted });
    if (/^y(es)?$/i.test(answer.trim())) return;
  } catch {
    // Interrupted: as good as no.
  } finally {
    reader.close();
  }
  throw new ColophonError('INVALID_OPTION', 'Not confirmed: nothing was changed.');
}
