import type { Lsn } from '@colophon/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Feedback } from './feedback.js';

const at = (value: number) => BigInt(value) as Lsn;

interface Transaction {
  readonly start: number;
  readonly end: number;
  readonly mustStore: boolean;
}

/** Commit records on a log, often one directly behind the other. */
const log = fc
  .array(
    fc.record({
      gap: fc.constantFrom(0, 0, 5, 40),
      length: fc.integer({ min: 1, max: 30 }),
      mustStore: fc.boolean(),
    }),
    { maxLength: 20 },
  )
  .map((records) => {
    let position = 100;
    return records.map(({ gap, length, mustStore }): Transaction => {
      const start = position + gap;
      position = start + length;
      return { start, end: position, mustStore };
    });
  });

describe('Feedback', () => {
  it('never acknowledges what is not stored, never goes back, and in the end acknowledges everything (A1 to A4)', () => {
    fc.assert(
      fc.property(log, fc.infiniteStream(fc.integer({ min: 0, max: 5 })), (transactions, choices) => {
        const feedback = new Feedback(at(50));
        const unstored: Transaction[] = [];
        let safe = feedback.safe;
        const check = (open?: Transaction) => {
          expect(feedback.safe >= safe).toBe(true);
          safe = feedback.safe;
          // The server's rule: what starts below the acknowledged position is never sent again.
          for (const transaction of open === undefined ? unstored : [...unstored, open]) {
            expect(at(transaction.start) >= safe).toBe(true);
          }
        };
        const storeSome = () => {
          const count = choices.next().value as number;
          const done = unstored.splice(0, count);
          const last = done.at(-1);
          if (last !== undefined) feedback.stored(at(last.end));
          check();
        };
        for (const transaction of transactions) {
          // Between transactions the server has read up to the next commit record at most.
          if (choices.next().value === 0) feedback.keepalive(at(transaction.start));
          check(transaction);
          feedback.begin();
          // In one, a keepalive carries the start of its commit record.
          if (choices.next().value === 1) feedback.keepalive(at(transaction.start));
          check(transaction);
          feedback.commit(at(transaction.end), transaction.mustStore);
          if (transaction.mustStore) unstored.push(transaction);
          check();
          if (choices.next().value === 2) storeSome();
        }
        const end = transactions.at(-1)?.end ?? 100;
        feedback.keepalive(at(end + 7));
        check();
        const last = unstored.at(-1);
        if (last !== undefined) feedback.stored(at(last.end));
        expect(feedback.safe).toBe(at(end + 7));
        expect(feedback.isSettled).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('acknowledges exactly the end of the last stored transaction', () => {
    const feedback = new Feedback(at(1));
    feedback.begin();
    feedback.commit(at(0x30), true);
    expect(feedback.safe).toBe(1n);
    feedback.stored(at(0x30));
    expect(feedback.safe).toBe(0x30n);
  });

  it('takes no keepalive inside a transaction for progress (fact: it names the commit record that is still coming)', () => {
    const feedback = new Feedback(at(1));
    feedback.begin();
    feedback.keepalive(at(90));
    expect(feedback.safe).toBe(1n);
  });
});
