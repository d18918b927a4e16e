import { type FilterFlags, parseCount, parseFilter } from '../change-filter.js';
import { type CommandContext, deadlineOf } from '../command-context.js';
import { withHashedKey } from '../hashed-key.js';
import { openAuditStore, STORE, withinDeadline } from '../open-audit-store.js';
import { fetchRedaction } from '../protection.js';
import { LogTable } from '../render/log-table.js';

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
  const filter = withHashedKey(
    parseFilter(flags, new Date()),
    fetchRedaction(flags.key === undefined ? null : settings.redact, process.env, terminal.hide),
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
  const changes = store.changes({
    ...filter,
    order: flags.reverse === true ? 'oldest' : 'newest',
    limit: limit + 1,
  });
  for await (const change of withinDeadline(changes, deadline)) {
    if (context.interrupted.aborted) break;
    if (count === limit) {
      if (flags.limit === undefined)
        terminal.talk(`${limit} changes shown, there are more: --limit shows more.`);
      break;
    }
    if (count++ === 0 && !isJson) await terminal.out(table.head());
    await terminal.out(isJson ? `${change.toJsonText()}\n` : table.row(change));
  }
  if (count === 0) terminal.talk(`No change matches.${contextHint(filter.context ?? {})}`);
  await deadline.race(store.close(), STORE);
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
