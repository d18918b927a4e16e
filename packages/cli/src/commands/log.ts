import { ColophonError } from '@colophon/protocol';
import type { ChangeFilter, DdlFilter } from '@colophon/store';
import { type FilterFlags, parseCount, parseFilter } from '../change-filter.js';
import { type CommandContext, deadlineOf } from '../command-context.js';
import { withHashedKey } from '../hashed-key.js';
import { openAuditStore, STORE, withinDeadline } from '../open-audit-store.js';
import { fetchRedaction } from '../protection.js';
import { type LogEntry, LogTable } from '../render/log-table.js';

/** `log`'s own flags. */
export interface LogFlags extends FilterFlags {
  json?: boolean;
  limit?: string;
  reverse?: boolean;
  ddl?: boolean;
}

const TABLE_LIMIT = 100;

/** Shows changes, the newest first: as a table, or as JSON lines with the columns of `colophon.changes`. */
export async function log(context: CommandContext<LogFlags>): Promise<void> {
  const { settings, flags, terminal } = context;
  const filter = withHashedKey(
    parseFilter(flags, new Date()),
    flags.key === undefined ? undefined : fetchRedaction(settings, process.env, terminal.hide),
  );
  const isJson = flags.json === true;
  const limit =
    flags.limit === undefined
      ? isJson
        ? Number.POSITIVE_INFINITY
        : TABLE_LIMIT
      : parseCount(flags.limit, '--limit', 1);
  const deadline = deadlineOf(settings);
  const store = await openAuditStore(settings, deadline);
  const table = new LogTable(terminal.columns, terminal.colors);
  let count = 0;
  // One more than wanted tells whether there are more.
  const range = { order: flags.reverse === true ? 'oldest' : 'newest', limit: limit + 1 } as const;
  const records: AsyncIterable<LogEntry & { toJsonText(): string }> =
    flags.ddl === true
      ? store.ddl({ ...ddlFilter(filter), ...range })
      : store.changes({ ...filter, ...range });
  for await (const change of withinDeadline(records, deadline)) {
    if (context.interrupted.aborted) break;
    if (count === limit) {
      if (flags.limit === undefined) terminal.talk(`${limit} shown, there are more: --limit shows more.`);
      break;
    }
    if (count++ === 0 && !isJson) await terminal.out(table.head());
    await terminal.out(isJson ? `${change.toJsonText()}\n` : table.row(change));
  }
  if (count === 0)
    terminal.talk(
      `${flags.ddl === true ? 'No DDL' : 'No change'} matches.${contextHint(filter.context ?? {})}`,
    );
  await deadline.race(store.close(), STORE);
}

/** Throws `INVALID_OPTION` for what only rows have. */
function ddlFilter(filter: ChangeFilter): DdlFilter {
  const { key, operation, ...rest } = filter;
  if (key === undefined && operation === undefined) return rest;
  throw new ColophonError(
    'INVALID_OPTION',
    `--ddl and ${key === undefined ? '--operation' : '--key'} are both given: DDL has neither keys nor operations.`,
  );
}

/** `user=42` is a number; an application may have said it as text. */
function contextHint(context: Readonly<Record<string, unknown>>): string {
  const typed = Object.entries(context).find(
    ([, value]) => typeof value !== 'string' && typeof value !== 'object',
  );
  if (typed === undefined) return '';
  const [name, value] = typed;
  return ` For the text instead of the ${typeof value}: --context '${name}="${String(value)}"'.`;
}
