import { AuditReader } from '../audit-reader.js';
import { type FilterFlags, parseCount, parseFilter } from '../change-filter.js';
import { type CommandContext, deadlineOf } from '../command-context.js';
import { LogTable } from '../render/log-table.js';
import { storeUrl } from '../settings.js';

/** `log`'s own flags. */
export interface LogFlags extends FilterFlags {
  json?: boolean;
  limit?: string;
  reverse?: boolean;
}

const TABLE_LIMIT = 100;

/** Shows changes, the newest first: as a table, or as JSON lines with the columns of `colophon.changes`. */
export async function log(context: CommandContext<LogFlags>): Promise<void> {
  const { settings, flags, terminal } = context;
  const filter = parseFilter(flags, new Date());
  const isJson = flags.json === true;
  const limit =
    flags.limit === undefined
      ? isJson
        ? Number.POSITIVE_INFINITY
        : TABLE_LIMIT
      : parseCount(flags.limit, '--limit', 1);
  const reader = await AuditReader.open(storeUrl(settings), deadlineOf(settings));
  try {
    const table = new LogTable(terminal.columns, terminal.colors);
    let count = 0;
    // One more than wanted tells whether there are more.
    for await (const change of reader.changes(filter, {
      newestFirst: flags.reverse !== true,
      limit: limit + 1,
    })) {
      if (count++ === limit) {
        if (flags.limit === undefined)
          terminal.talk(`${limit} changes shown, there are more: --limit shows more.`);
        break;
      }
      if (isJson) {
        await terminal.out(`${change.json}\n`);
      } else {
        if (count === 1) await terminal.out(table.head());
        await terminal.out(table.row(change));
      }
      if (context.interrupted.aborted) return;
    }
    if (count === 0) terminal.talk(`No change matches.${contextHint(filter.contexts ?? [])}`);
  } finally {
    await reader.close();
  }
}

/** `user=42` is a number; an application may have said it as text. */
function contextHint(contexts: readonly string[]): string {
  const typed = contexts.map((text) => Object.entries(JSON.parse(text) as Record<string, unknown>)[0]!);
  const other = typed.find(([, value]) => typeof value !== 'string' && typeof value !== 'object');
  return other === undefined
    ? ''
    : ` For the text instead of the ${typeof other[1]}: --context '${other[0]}="${String(other[1])}"'.`;
}
