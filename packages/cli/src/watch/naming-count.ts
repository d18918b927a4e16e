import type { Relation, TransactionPart } from '@colophon/protocol';

/** Whether changes came with a context: `error` is one that could not be sent or read (`colophon.error`). */
export type Naming = 'named' | 'unnamed' | 'error';

/** So many changes of a table, with or without a context. */
export interface NamedChanges {
  readonly schema: string;
  readonly table: string;
  readonly naming: Naming;
  readonly changes: number;
}

interface Run {
  readonly relation: Relation;
  readonly segment: number;
  changes: number;
}

/** Counts which changes have a context, table by table. Told what a sink is told; what isn't flushed doesn't count. */
export class NamingCount {
  private readonly told: (counts: Iterable<NamedChanges>) => void;
  /** Of a transaction whose contexts aren't known yet: changes of one table and segment in a row are one entry. */
  private runs: Run[] = [];
  private unflushed = new Map<string, NamedChanges>();

  /** `told` gets what each flush has made durable. */
  constructor(told: (counts: Iterable<NamedChanges>) => void) {
    this.told = told;
  }

  write(parts: readonly TransactionPart[]): void {
    for (const { changes, end } of parts) {
      let run = this.runs.at(-1);
      for (const { relation, segment } of changes) {
        if (run?.relation === relation && run.segment === segment) run.changes++;
        else this.runs.push((run = { relation, segment, changes: 1 }));
      }
      if (end === null) continue;
      for (const { relation, segment, changes: count } of this.runs) {
        this.add(relation, namingOf(end.contexts[segment] ?? '{}'), count);
      }
      this.runs = [];
    }
  }

  flush(): void {
    const counts = this.unflushed;
    this.unflushed = new Map();
    this.told(counts.values());
  }

  /** Nothing of what was written since the last flush was stored. */
  forget(): void {
    this.runs = [];
    this.unflushed.clear();
  }

  private add({ schema, table }: Relation, naming: Naming, changes: number): void {
    const key = JSON.stringify([schema, table, naming]);
    const before = this.unflushed.get(key)?.changes ?? 0;
    this.unflushed.set(key, { schema, table, naming, changes: before + changes });
  }
}

function namingOf(context: string): Naming {
  if (context === '{}') return 'unnamed';
  return context.startsWith('{"colophon.error"') ? 'error' : 'named';
}
