import {
  ColophonError,
  type ContextText,
  type Lsn,
  type SourceDescription,
  type TransactionEnd,
  type TransactionFacts,
} from '@colophon/protocol';
import type { ChangeSpool } from '../spool/change-spool.js';
import { AuditRecord } from './audit-record.js';
import { timestampText } from './timestamp-text.js';

/** One committed transaction with at least one change. */
export interface AuditTransaction {
  /** The source that it was read from. */
  readonly source: SourceDescription;
  /** Unsigned, without epoch. */
  readonly xid: number;
  /** Start of the commit record: its identity and order within the timeline. */
  readonly commitLsn: Lsn;
  /** End of the commit record. */
  readonly endLsn: Lsn;
  readonly timeline: number;
  /** The source's clock, ISO 8601 with microseconds. */
  readonly committedAt: string;
  /** How many changes there are. */
  readonly changeCount: number;
  /** Its changes in order, each with its context. May be read several times, as long as the transaction is being handled. */
  readonly changes: AsyncIterable<AuditRecord>;
}

/** Puts it together; `end` tells which context each segment has. `release` makes its changes unreadable. */
export function auditTransaction(
  source: SourceDescription,
  facts: TransactionFacts,
  end: TransactionEnd,
  spool: ChangeSpool,
): { transaction: AuditTransaction; release: () => void } {
  let isOver = false;
  const records = async function* (): AsyncGenerator<AuditRecord> {
    for await (const change of spool.read()) {
      if (isOver) throw over();
      const { segment } = change;
      const verified = end.verified?.[segment] ?? null;
      yield new AuditRecord(source, facts, change, end.contexts[segment] as ContextText, verified);
    }
  };
  const { xid, commitLsn, timeline } = facts;
  return {
    transaction: {
      source,
      xid,
      commitLsn,
      endLsn: end.endLsn,
      timeline,
      committedAt: timestampText(facts.committedAtMicros),
      changeCount: spool.count,
      changes: {
        [Symbol.asyncIterator]: () => {
          if (isOver) throw over();
          return records();
        },
      },
    },
    release: () => {
      isOver = true;
    },
  };
}

function over(): ColophonError {
  return new ColophonError(
    'INVALID_OPTION',
    'The changes of a transaction can only be read while it is being handled. Read them before asking for the next one.',
  );
}
