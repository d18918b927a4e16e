import type { Lsn, TransactionPart } from '@colophon/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BeginMessage, CommitMessage } from '../decode/message.js';
import type { DecodedRow } from '../decode/row-decoder.js';
import type { Emission } from './emission.js';
import { OUTSIDE, type SegmentEvent, type SegmentState, step } from './segment-state.js';
import { TransactionAssembler } from './transaction-assembler.js';

type Event = 'change' | 'skip' | { kind: 'lead' | 'trail'; context: string };

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Event>('change') },
  { weight: 1, arbitrary: fc.constant<Event>('skip') },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('lead' as const, 'trail' as const),
      context: fc.integer({ min: 0, max: 3 }).map((user) => `{"user":${user}}`),
    }),
  },
);

const row: DecodedRow = {
  relation: { oid: 1, schema: 'public', table: 'todo', partition: null, keyColumns: [] },
  operation: 'CREATE',
  key: '{}',
  primaryKey: null,
  before: '{}',
  after: '{"a":1}',
  unchanged: [],
};
const begin = (commitLsn: bigint): BeginMessage => ({
  tag: 'begin',
  commitLsn: commitLsn as Lsn,
  committedAtMicros: 0n,
  xid: 1,
});
const commit = (commitLsn: bigint): CommitMessage => ({
  tag: 'commit',
  flags: 0,
  commitLsn: commitLsn as Lsn,
  endLsn: (commitLsn + 8n) as Lsn,
  committedAtMicros: 0n,
});

function assemble(transactions: Event[][], maxPartChanges = 3): TransactionPart[] {
  const parts: TransactionPart[] = [];
  const assembler = new TransactionAssembler({
    systemIdentifier: '1',
    timeline: 1,
    maxPartChanges,
    maxPartSize: 1e9,
    onPart: (part) => parts.push(part),
  });
  transactions.forEach((events, index) => {
    assembler.begin(begin(BigInt(index * 10)));
    for (const one of events) {
      if (one === 'change') assembler.row(row, 1n as Lsn);
      else if (one === 'skip') assembler.skipRow();
      else assembler.emission(one as Emission);
    }
    assembler.commit(commit(BigInt(index * 10)));
  });
  return parts;
}

/** The rule as it is said, looked up anew for every change. */
function naive(events: Event[]): { sequence: number; context: string }[] {
  const found: { sequence: number; context: string }[] = [];
  let sequence = 0;
  events.forEach((one, at) => {
    if (one === 'skip') sequence++;
    if (one !== 'change') return;
    const next = events.slice(at).find((other) => typeof other === 'object');
    const previous = events.slice(0, at).findLast((other) => typeof other === 'object');
    const context =
      typeof next === 'object' && next.kind === 'trail'
        ? next.context
        : typeof previous === 'object'
          ? previous.context
          : '{}';
    found.push({ sequence: sequence++, context });
  });
  return found;
}

describe('stitching', () => {
  it('gives every change the context that the rule says, however the transaction is cut (S1, S2, S3)', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), fc.integer({ min: 1, max: 5 }), (events, size) => {
        const parts = assemble([events], size);
        const contexts = parts.at(-1)?.end?.contexts ?? [];
        const seen = parts
          .flatMap((part) => part.changes)
          .map(({ sequence, segment }) => ({ sequence, context: contexts[segment] }));
        expect(seen).toEqual(naive(events));
      }),
      { numRuns: 1_000 },
    );
  });

  it('never lets a context reach another transaction (S4)', () => {
    fc.assert(
      fc.property(fc.array(fc.array(event, { maxLength: 8 }), { maxLength: 6 }), (transactions) => {
        const parts = assemble(transactions);
        let first = 0;
        const seen: string[] = [];
        parts.forEach((part, at) => {
          if (part.end === null) return;
          for (const { changes } of parts.slice(first, at + 1)) {
            for (const { segment } of changes) seen.push(part.end?.contexts[segment] as string);
          }
          first = at + 1;
        });
        expect(seen).toEqual(transactions.flatMap((events) => naive(events).map(({ context }) => context)));
      }),
    );
  });

  it('makes parts of bounded size, of which only the last ends, and none for a transaction without changes (S5, S6)', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), fc.integer({ min: 1, max: 5 }), (events, size) => {
        const parts = assemble([events], size);
        expect(parts.every(({ changes }) => changes.length <= size)).toBe(true);
        expect(parts.slice(0, -1).every(({ end }) => end === null)).toBe(true);
        if (events.includes('change')) expect(parts.at(-1)?.end).not.toBeNull();
        else expect(parts).toEqual([]);
        const emissions = events.filter((one) => typeof one === 'object').length;
        expect(parts.at(-1)?.end?.contexts.length ?? 0).toBeLessThanOrEqual(emissions + 1);
      }),
    );
  });

  it('refuses what no server sends, from every state (S7)', () => {
    const filled: SegmentState = { kind: 'filled', segment: 0, began: '{}' };
    const empty: SegmentState = { kind: 'empty', segment: 0, began: '{}' };
    const events: SegmentEvent[] = [
      { kind: 'change' },
      { kind: 'commit' },
      { kind: 'lead', context: '{}' },
      { kind: 'trail', context: '{}' },
    ];
    for (const one of events) {
      expect(() => step(OUTSIDE, one)).toThrow(expect.objectContaining({ code: 'PROTOCOL_VIOLATION' }));
    }
    for (const state of [filled, empty]) {
      expect(() => step(state, { kind: 'begin' })).toThrow(
        expect.objectContaining({ code: 'PROTOCOL_VIOLATION' }),
      );
    }
  });
});
