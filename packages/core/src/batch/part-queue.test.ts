import type { Change, Lsn, TransactionPart } from '@colophon/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PartQueue } from './part-queue.js';

function partOf(transaction: number, changes: number, isLast: boolean): TransactionPart {
  return {
    facts: {
      systemIdentifier: '1',
      timeline: 1,
      xid: transaction,
      commitLsn: BigInt(transaction * 10) as Lsn,
      committedAtMicros: 0n,
      receivedAtMs: 0,
    },
    changes: new Array<Change>(changes),
    end: isLast ? { endLsn: BigInt(transaction * 10 + 5) as Lsn, contexts: [] } : null,
  };
}

it('gives parts in order, in batches that end with a transaction wherever one ends within the limits', () => {
  const sizes = fc.array(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 6 }), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(
      sizes,
      fc.integer({ min: 1, max: 25 }),
      fc.boolean(),
      (transactions, maxChanges, wholeOnly) => {
        const queue = new PartQueue();
        const all: TransactionPart[] = [];
        transactions.forEach((parts, transaction) => {
          parts.forEach((changes, index) => {
            const part = partOf(transaction, changes, index === parts.length - 1);
            all.push(part);
            queue.push(part, changes);
          });
        });
        const taken: TransactionPart[] = [];
        for (;;) {
          const batch = queue.take({ maxChanges, maxBytes: 1e9 }, wholeOnly);
          if (batch === null) break;
          const ends = batch.parts.filter(({ end }) => end !== null).length;
          expect(batch.transactions).toBe(ends);
          if (ends > 0) expect(batch.position?.endLsn).toBe(batch.parts.at(-1)?.end?.endLsn);
          else expect(batch.position).toBeNull();
          // Without its last part it is below the limit.
          expect(batch.changes - (batch.parts.at(-1)?.changes.length ?? 0)).toBeLessThan(maxChanges);
          taken.push(...batch.parts);
        }
        expect(taken).toEqual(all);
        expect([queue.changes, queue.bytes, queue.transactions]).toEqual([0, 0, 0]);
      },
    ),
  );
});

it('leaves what is half where only whole transactions are wanted', () => {
  const queue = new PartQueue();
  queue.push(partOf(1, 1, true), 1);
  queue.push(partOf(2, 1, false), 1);
  const limits = { maxChanges: 10, maxBytes: 10 };
  expect(queue.take(limits, true)?.parts).toHaveLength(1);
  expect(queue.take(limits, true)).toBeNull();
  expect(queue.changes).toBe(1);
});
