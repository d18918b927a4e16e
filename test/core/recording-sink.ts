import type {
  Change,
  ContextText,
  Sink,
  StoredPosition,
  TransactionFacts,
  TransactionPart,
} from '@colophon/protocol';

/** A stored change with its transaction and context. */
export interface RecordedChange extends Change {
  readonly facts: TransactionFacts;
  readonly context: ContextText;
}

/** Faults to inject. Thrown errors are ordinary ones, as a driver throws them. */
export interface Faults {
  open?: () => void | Promise<void>;
  write?: () => void | Promise<void>;
  /** Before anything is stored. */
  flush?: () => void | Promise<void>;
  /** After everything is stored: the answer was lost. */
  afterFlush?: () => void | Promise<void>;
}

/** A sink that keeps the contract to the letter, in memory, and throws at once where the consumer doesn't. */
export class RecordingSink implements Sink {
  stored: RecordedChange[] = [];
  position: StoredPosition | null = null;
  flushes = 0;
  opens = 0;
  /** Largest number of changes in one write. */
  largestWrite = 0;
  calls: string[] = [];
  faults: Faults = {};
  private pending: TransactionPart[] = [];
  private isBusy = false;
  private isOpen = false;

  async open(): Promise<StoredPosition | null> {
    return this.exclusive('open', async () => {
      this.opens++;
      this.pending = [];
      await this.faults.open?.();
      this.isOpen = true;
      return this.position;
    });
  }

  async write(parts: readonly TransactionPart[]): Promise<void> {
    return this.exclusive('write', async () => {
      if (!this.isOpen) throw new Error('write before open');
      this.largestWrite = Math.max(
        this.largestWrite,
        parts.reduce((sum, part) => sum + part.changes.length, 0),
      );
      await this.faults.write?.();
      this.pending.push(...parts);
    });
  }

  async flush(position: StoredPosition): Promise<void> {
    return this.exclusive('flush', async () => {
      if (!this.isOpen) throw new Error('flush before open');
      await this.faults.flush?.();
      const last = this.pending.at(-1);
      if (last?.end?.endLsn !== position.endLsn) throw new Error('flush inside a transaction');
      let first = 0;
      for (const [index, part] of this.pending.entries()) {
        if (part.end === null) continue;
        const { contexts } = part.end;
        for (const { facts, changes } of this.pending.slice(first, index + 1)) {
          if (facts !== part.facts) throw new Error('parts of transactions are mixed');
          for (const change of changes) {
            const context = contexts[change.segment];
            if (context === undefined) throw new Error(`no context for segment ${change.segment}`);
            this.stored.push({ ...change, facts, context });
          }
        }
        first = index + 1;
      }
      this.pending = [];
      this.position = position;
      this.flushes++;
      await this.faults.afterFlush?.();
    });
  }

  async close(): Promise<void> {
    return this.exclusive('close', async () => {
      this.pending = [];
      this.isOpen = false;
    });
  }

  private async exclusive<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.isBusy) throw new Error(`${name} was called while another call was under way`);
    this.isBusy = true;
    this.calls.push(name);
    try {
      return await work();
    } catch (error) {
      this.isOpen = false;
      this.pending = [];
      throw error;
    } finally {
      this.isBusy = false;
    }
  }
}
