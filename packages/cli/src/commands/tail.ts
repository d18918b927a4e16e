import { setTimeout as pause } from 'node:timers/promises';
import { AuditReader, type StoredChange, type StoredSource } from '../audit-reader.js';
import { type ChangeFilter, type FilterFlags, parseCount, parseFilter } from '../change-filter.js';
import { type CommandContext, deadlineOf } from '../command-context.js';
import { LogTable } from '../render/log-table.js';
import { storeUrl } from '../settings.js';

/** `tail`'s own flags. */
export interface TailFlags extends FilterFlags {
  json?: boolean;
  lines?: string;
}

const POLL_MS = 300;
const DEFAULT_LINES = '10';

/** Shows the latest changes, then each as it is stored, until it is stopped. */
export async function tail(context: CommandContext<TailFlags>): Promise<void> {
  const { settings, flags, terminal, interrupted } = context;
  const filter = parseFilter(flags, new Date());
  const lines = parseCount(flags.lines ?? DEFAULT_LINES, '--lines', 0);
  const reader = await AuditReader.open(storeUrl(settings), deadlineOf(settings));
  const table = new LogTable(terminal.columns, terminal.colors);
  const show = (change: StoredChange): Promise<void> =>
    terminal.out(flags.json === true ? `${change.json}\n` : table.row(change));
  try {
    if (flags.json !== true) await terminal.out(table.head());
    const follower = new Follower(reader, filter);
    for (const change of await follower.latest(lines)) await show(change);
    while (!interrupted.aborted) {
      for await (const change of follower.news()) {
        await show(change);
        if (interrupted.aborted) return;
      }
      await pause(POLL_MS, undefined, { signal: interrupted }).catch(() => {});
    }
  } finally {
    await reader.close();
  }
}

/**
 * Gives what is new since the last look, each change once. By source: a source's position is stored in one transaction
 * with its changes, so up to it nothing can appear later, while another source may have taken higher numbers before.
 */
class Follower {
  readonly #reader: AuditReader;
  readonly #filter: ChangeFilter;
  readonly #seen = new Map<string, bigint>();

  constructor(reader: AuditReader, filter: ChangeFilter) {
    this.#reader = reader;
    this.#filter = filter;
  }

  /** The latest changes up to now, in order; what comes later is news. */
  async latest(count: number): Promise<StoredChange[]> {
    const sources = await this.#reader.sources();
    for (const source of sources) this.#seen.set(nameOf(source), source.lastSeq ?? 0n);
    const upTo = sources.reduce(
      (highest, { lastSeq }) => (lastSeq !== null && lastSeq > highest ? lastSeq : highest),
      0n,
    );
    const changes: StoredChange[] = [];
    if (count === 0) return changes;
    for await (const change of this.#reader.changes(this.#filter, {
      newestFirst: true,
      limit: count,
      upTo,
    })) {
      changes.unshift(change);
    }
    return changes;
  }

  async *news(): AsyncGenerator<StoredChange> {
    for (const source of await this.#reader.sources()) {
      const name = nameOf(source);
      const seen = this.#seen.get(name) ?? 0n;
      const { lastSeq } = source;
      if (lastSeq === null || lastSeq <= seen || !this.#isWanted(source)) continue;
      yield* this.#reader.changes(
        {
          ...this.#filter,
          source: source.source,
          environment: source.environment,
          database: source.database,
        },
        { newestFirst: false, after: seen, upTo: lastSeq },
      );
      this.#seen.set(name, lastSeq);
    }
  }

  #isWanted({ source, environment }: StoredSource): boolean {
    const wanted = this.#filter;
    return (
      (wanted.source === undefined || wanted.source === source) &&
      (wanted.environment === undefined || wanted.environment === environment)
    );
  }
}

function nameOf({ source, environment, database }: StoredSource): string {
  return JSON.stringify([source, environment, database]);
}
