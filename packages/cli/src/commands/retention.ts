import { ColophonError } from '@colophon/protocol';
import { formatBytes, parseTableNames } from '@colophon/setup';
import type { RetentionPart } from '@colophon/store';
import { type CommandContext, confirm, deadlineOf } from '../command-context.js';
import { openAuditStore } from '../open-audit-store.js';
import { visible } from '../render/display-text.js';

/** `retention`'s own flags. */
export interface RetentionFlags {
  ignoreSource?: string[];
  ignoreBaseline?: string[];
  apply?: boolean;
  yes?: boolean;
  json?: boolean;
}

/** Shows what is older than what is to be kept; with `--apply` lets it go. */
export async function retention(context: CommandContext<RetentionFlags>): Promise<void> {
  const { settings, flags, terminal, interrupted } = context;
  const { keepDays, maxBytes } = settings;
  if (keepDays === null && maxBytes === null) {
    throw new ColophonError(
      'INVALID_OPTION',
      'What is to be kept? Give --keep 400d, --max-size 50GB, or both. Nothing was changed.',
    );
  }
  const wish = {
    keep: keepDays === null ? null : `${keepDays} days`,
    maxBytes,
    ignoring: [...(flags.ignoreSource ?? []), ...baselineTables(flags.ignoreBaseline ?? [])],
  };
  const store = await openAuditStore(settings, deadlineOf(settings));
  // Counting and waiting for locks take what they take: only a signal ends them.
  const stopped = new Promise<never>((_, reject) => {
    interrupted.addEventListener('abort', () => reject(stoppedError()));
  });
  stopped.catch(() => {});
  const say = async (part: RetentionPart) => {
    await terminal.out(flags.json === true ? `${partJson(part)}\n` : `${partLine(part)}\n`);
  };
  try {
    terminal.progress('… counting what would go');
    const parts = await Promise.race([store.planRetention(wish), stopped]);
    const going = parts.filter((part) => part.verdict === 'drop');
    if (flags.apply !== true) {
      for (const part of parts) await say(part);
      terminal.talk(
        going.length === 0
          ? 'Nothing would go.'
          : 'Nothing was changed: --apply lets go what is marked drop.',
      );
      return;
    }
    if (going.length > 0 && flags.yes !== true) {
      if (!terminal.isInteractive) {
        throw new ColophonError(
          'INVALID_OPTION',
          'There is nobody to ask here: give --yes to let records go. Nothing was changed.',
        );
      }
      for (const part of parts) terminal.talk(partLine(part));
      await confirm(context, 'Let these audit records go for ever?');
    }
    const said: Promise<void>[] = [];
    await Promise.race([store.applyRetention(wish, (part) => said.push(say(part))), stopped]);
    await Promise.all(said);
    const held = parts.find((part) => part.verdict === 'held');
    if (held !== undefined) terminal.talk(partLine(held));
    terminal.talk(said.length === 0 ? 'Nothing had to go.' : 'Noted in colophon.retentions.');
  } finally {
    await store.close();
  }
}

function baselineTables(names: readonly string[]): string[] {
  return names.flatMap((name) => parseTableNames(name)).map((table) => `${table.schema}.${table.name}`);
}

function stoppedError(): ColophonError {
  return new ColophonError(
    'STOPPED',
    'Stopped before the end: what was let go is noted in colophon.retentions; run it again for the rest.',
    { retryable: true },
  );
}

function partLine(part: RetentionPart): string {
  const name = part.part.replace('_', '-');
  if (part.verdict === 'held') return `held ${name}: ${visible(part.reason ?? '')}`;
  const size = part.bytes === null ? '' : `, ${formatBytes(Number(part.bytes))}`;
  const range =
    part.firstCommittedAt === null
      ? ''
      : `, ${part.firstCommittedAt.slice(0, 19)}Z to ${part.lastCommittedAt!.slice(0, 19)}Z`;
  return `drop ${name}: ${part.changes} ${part.changes === 1n ? 'change' : 'changes'}${size}${range}`;
}

/** An object with the columns of `colophon.retentions` that are known before, and the verdict. */
function partJson(part: RetentionPart): string {
  const number = (value: bigint | null) => (value === null ? 'null' : value.toString());
  const fields = [
    ['part', JSON.stringify(part.part)],
    ['verdict', JSON.stringify(part.verdict)],
    ['reason', JSON.stringify(part.reason)],
    ['changes', number(part.changes)],
    ['bytes', number(part.bytes)],
    ['first_committed_at', JSON.stringify(part.firstCommittedAt)],
    ['last_committed_at', JSON.stringify(part.lastCommittedAt)],
  ];
  return `{${fields.map(([key, value]) => `"${key}":${value}`).join(',')}}`;
}
