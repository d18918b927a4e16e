import type { ChangeRow } from '@colophon/store';
import { type FilterFlags, parseCount, parseFilter } from '../change-filter.js';
import { type CommandContext, deadlineOf } from '../command-context.js';
import { withHashedKey } from '../hashed-key.js';
import { openAuditStore, STORE } from '../open-audit-store.js';
import { fetchRedaction } from '../protection.js';
import { LogTable } from '../render/log-table.js';

/** `tail`'s own flags. */
export interface TailFlags extends FilterFlags {
  json?: boolean;
  lines?: string;
}

const DEFAULT_LINES = '10';

/** Shows the latest changes, then each as it is stored, until it is stopped. */
export async function tail(context: CommandContext<TailFlags>): Promise<void> {
  const { settings, flags, terminal, interrupted } = context;
  const filter = withHashedKey(
    parseFilter(flags, new Date()),
    flags.key === undefined ? undefined : fetchRedaction(settings, process.env, terminal.hide),
  );
  const lines = parseCount(flags.lines ?? DEFAULT_LINES, '--lines', 0);
  const deadline = deadlineOf(settings);
  const store = await openAuditStore(settings, deadline);
  const table = new LogTable(terminal.columns, terminal.colors);
  const show = (change: ChangeRow): Promise<void> =>
    terminal.out(flags.json === true ? `${change.toJsonText()}\n` : table.row(change));
  if (flags.json !== true) await terminal.out(table.head());
  // Its first look is taken before the latest are read, so that nothing falls between; what both have is shown once.
  const news = store.follow({ ...filter, signal: interrupted });
  const next = news.next();
  next.catch(() => {});
  const shown = new Set<string>();
  if (lines > 0) {
    const latest = await deadline.race(Promise.resolve(store.changes({ ...filter, limit: lines })), STORE);
    for (const change of latest.reverse()) {
      shown.add(change.id);
      await show(change);
    }
  }
  for (let at = await next; at.done !== true; at = await news.next()) {
    if (!shown.delete(at.value.id)) await show(at.value);
  }
  await deadline.race(store.close(), STORE).catch(() => {});
}
