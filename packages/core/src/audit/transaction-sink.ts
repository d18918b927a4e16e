import type { Sink, SourceDescription, StoredPosition, TransactionPart } from '@colophon/protocol';
import { ChangeSpool, type SpoolOptions } from '../spool/change-spool.js';
import { type AuditTransaction, auditTransaction } from './audit-transaction.js';

/**
 * A sink that is a function: called with one transaction after the other, in commit order, and waited for. It keeps no
 * position: after a failure, or a new start, a transaction may come again (the slot's position is all there is), so what
 * the handler does must bear that; `AuditRecord.id` tells repetitions. Where it throws, the transaction is tried again.
 */
export function transactionSink(
  handler: (transaction: AuditTransaction) => Promise<void> | void,
  options: SpoolOptions = {},
): Sink {
  return new TransactionSink(handler, options);
}

class TransactionSink implements Sink {
  private readonly handler: (transaction: AuditTransaction) => Promise<void> | void;
  private readonly options: SpoolOptions;
  private source: SourceDescription | null = null;
  private spool: ChangeSpool | null = null;

  constructor(handler: (transaction: AuditTransaction) => Promise<void> | void, options: SpoolOptions) {
    this.handler = handler;
    this.options = options;
  }

  async open(source: SourceDescription): Promise<StoredPosition | null> {
    await this.forget();
    this.source = source;
    return null;
  }

  async write(parts: readonly TransactionPart[]): Promise<void> {
    for (const part of parts) {
      this.spool ??= new ChangeSpool(this.options);
      await this.spool.add(part.changes);
      if (part.end === null) continue;
      if (this.spool.count === 0) {
        // It changed the schema only, and a transaction here is its changes.
        await this.forget();
        continue;
      }
      const { transaction, release } = auditTransaction(
        this.source as SourceDescription,
        part.facts,
        part.end,
        this.spool,
      );
      try {
        await this.handler(transaction);
      } finally {
        release();
        await this.forget();
      }
    }
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {
    await this.forget();
  }

  private async forget(): Promise<void> {
    const { spool } = this;
    this.spool = null;
    await spool?.remove();
  }
}
