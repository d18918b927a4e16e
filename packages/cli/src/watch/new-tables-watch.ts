import { ColophonError, type ErrorCode } from '@colophon/protocol';
import {
  applyPlan,
  type Connection,
  connect,
  Deadline,
  displayTable,
  inspectSource,
  planNewTables,
  type SourceNames,
} from '@colophon/setup';

/** What a watch works with. */
export interface NewTablesWatchOptions {
  readonly url: string;
  readonly names: SourceNames;
  readonly everyMs: number;
  /** Told of tables that are tracked from now on. */
  readonly onTracked: (tables: readonly string[]) => void;
  /** Told once of each new table that isn't tracked, and why. */
  readonly onUntracked: (table: string, reason: string) => void;
  /** Told at each look that finds something new how many new tables aren't tracked by now. */
  readonly onLooked: (untracked: number) => void;
  /** Told once of each failure that isn't the connection's. */
  readonly onFailure: (error: ColophonError) => void;
}

const LOOK_TIMEOUT_MS = 10_000;
/** What the next look may not meet any more. */
const PASSING: readonly ErrorCode[] = ['CONNECTION_FAILED', 'CONNECTION_LOST', 'LOCK_TIMEOUT', 'TIMEOUT'];

// Changes with every table that is made, dropped, renamed, moved or published, and with what is remembered. One row.
const SIGN = `SELECT md5(concat(
    (SELECT string_agg(concat_ws(' ', c.oid, c.relnamespace, c.relname, c.relpersistence, c.relowner), ',' ORDER BY c.oid)
       FROM pg_class c WHERE c.relkind IN ('r', 'p')),
    (SELECT string_agg(r.prrelid::text, ',' ORDER BY r.prrelid) FROM pg_publication_rel r WHERE r.prpubid = p.oid),
    md5(obj_description(p.oid, 'pg_publication')))) AS sign,
  coalesce(obj_description(p.oid, 'pg_publication') ~ '"policy":"auto"', false) AS wanted
  FROM pg_publication p WHERE p.pubname = $1`;

/**
 * Tracks new tables, where the source asks for it: those that no event trigger has tracked. Looks now and then, on a
 * connection of its own; a look at which nothing has changed is one short query. A source that doesn't answer is the
 * consumer's to report.
 */
export class NewTablesWatch {
  private readonly options: NewTablesWatchOptions;
  private readonly told = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private connection: Connection | null = null;
  private deadline = new Deadline(LOOK_TIMEOUT_MS);
  private isLooking = false;
  private isEnded = false;
  private seen = '';

  constructor(options: NewTablesWatchOptions) {
    this.options = options;
  }

  /** Looks from now on. Safe to call twice. */
  start(): void {
    if (this.isEnded || this.timer !== undefined) return;
    this.timer = setInterval(() => void this.look(), this.options.everyMs);
    void this.look();
  }

  /** Looks no more; safe to call twice. */
  end(): void {
    this.isEnded = true;
    clearInterval(this.timer);
    if (!this.isLooking) this.disconnect();
  }

  private async look(): Promise<void> {
    if (this.isLooking || this.isEnded) return;
    this.isLooking = true;
    const { url, names } = this.options;
    try {
      this.deadline.renew();
      const { deadline } = this;
      this.connection ??= await connect({ url, role: 'source', deadline });
      const [row] = await this.connection.query<{ sign: string; wanted: boolean }>(SIGN, [names.publication]);
      if (row === undefined || !row.wanted) {
        this.options.onLooked(0);
        this.seen = '';
        return;
      }
      if (row.sign === this.seen) return;
      const isDone = await this.track(this.connection);
      if (isDone) this.seen = row.sign;
    } catch (error) {
      this.disconnect();
      this.tell(error);
    } finally {
      this.isLooking = false;
      if (this.isEnded) this.disconnect();
    }
  }

  /** Whether nothing is left to be tried again. */
  private async track(connection: Connection): Promise<boolean> {
    const { names, onTracked, onUntracked, onLooked } = this.options;
    const plan = planNewTables(await inspectSource(connection, names), names.publication);
    if (plan === null) {
      onLooked(0);
      return true;
    }
    const result = this.isEnded
      ? null
      : await applyPlan(connection, plan, { deadline: this.deadline, lockAttempts: 1 });
    const done = new Set(
      result?.done.filter(({ kind }) => kind === 'publish').map(({ table }) => displayTable(table!)),
    );
    if (done.size > 0) onTracked([...done]);
    for (const { table, reason } of plan.leftOut) {
      const name = displayTable(table);
      if (this.told.has(name)) continue;
      this.told.add(name);
      onUntracked(name, reason);
    }
    onLooked(plan.leftOut.length + (result?.leftOut.length ?? 0));
    return result !== null && result.leftOut.length === 0;
  }

  /** What isn't a matter of the connection, once. */
  private tell(error: unknown): void {
    if (!(error instanceof ColophonError) || error.retryable || this.told.has(error.message)) return;
    if (PASSING.includes(error.code)) return;
    this.told.add(error.message);
    this.options.onFailure(error);
  }

  private disconnect(): void {
    void this.connection?.close();
    this.connection = null;
  }
}
