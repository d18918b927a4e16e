import type { CoverageChange, SeenPublication, SeenTable, Sink, SourceDescription } from '@colophon/protocol';
import { lookAtPublication } from '../replication/published-tables.js';
import type { SourceClient } from '../replication/source-client.js';
import { comparePublished } from './compare-published.js';

/** What a watch works with. */
export interface PublicationWatchOptions {
  readonly client: Pick<SourceClient, 'query'>;
  readonly publication: string;
  readonly source: SourceDescription;
  readonly sink: Sink;
  readonly everyMs: number;
  /** There is something for the sink. */
  readonly onDue: () => void;
  /** The sink has recorded it. */
  readonly onChange: (change: CoverageChange) => void;
}

/**
 * Looks now and then at what the publication gives, for a source without event triggers that would tell. What is seen goes
 * to the sink, so that the next consumer knows of it: when it has changed, and else beside what is stored anyway.
 */
export class PublicationWatch {
  private readonly options: PublicationWatchOptions;
  private seen: SeenPublication | null = null;
  private changes: readonly CoverageChange[] = [];
  private hasStored = false;
  private isDue = false;
  private isLooking = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(options: PublicationWatchOptions) {
    this.options = options;
  }

  /** The first look, against what an earlier consumer saw. Then the looks go on. Rejects where source or sink fail. */
  async begin(): Promise<void> {
    const { sink, everyMs } = this.options;
    if (sink.recallPublished === undefined || sink.notePublished === undefined) return;
    this.seen = await sink.recallPublished();
    await this.look();
    await this.note();
    this.timer = setInterval(() => {
      // A source that doesn't answer is asked again.
      void this.look().catch(() => {});
    }, everyMs);
  }

  /** Something was stored: what was seen may be kept beside it. */
  stored(): void {
    this.hasStored = true;
  }

  /** What the sink is to do now; null where there is nothing. */
  takeErrand(): (() => Promise<void>) | null {
    return this.isDue ? () => this.note() : null;
  }

  /** Safe to call twice. */
  end(): void {
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    if (this.isLooking || this.isDue) return;
    this.isLooking = true;
    const { client, publication, source, onDue } = this.options;
    try {
      const known = this.seen?.tables.map(({ oid }) => oid) ?? [];
      const look = await lookAtPublication(client, publication, known);
      if (look === null) return;
      const { seen, changes } = comparePublished(source, publication, this.seen, look);
      const isNew = this.seen === null || changes.length > 0 || !isSame(this.seen, seen);
      this.seen = seen;
      if (!isNew && !this.hasStored) return;
      this.changes = changes;
      this.isDue = true;
      onDue();
    } finally {
      this.isLooking = false;
    }
  }

  private async note(): Promise<void> {
    if (!this.isDue || this.seen === null) return;
    const { sink, onChange } = this.options;
    const { changes } = this;
    await sink.notePublished?.(this.seen, changes);
    this.isDue = false;
    this.hasStored = false;
    this.changes = [];
    for (const change of changes) onChange(change);
  }
}

function isSame(a: SeenPublication, b: SeenPublication): boolean {
  const isSameTable = (one: SeenTable, at: number): boolean => {
    const other = b.tables[at]!;
    return one.oid === other.oid && one.name === other.name && one.isGiven === other.isGiven;
  };
  return (
    a.isTold === b.isTold &&
    a.isWhole === b.isWhole &&
    a.timeline === b.timeline &&
    a.tables.length === b.tables.length &&
    a.tables.every(isSameTable)
  );
}
