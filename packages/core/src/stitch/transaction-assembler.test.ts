import { type Lsn, lsn, type TransactionPart } from '@colophon/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BeginMessage, CommitMessage } from '../decode/message.js';
import type { DecodedRow } from '../decode/row-decoder.js';
import type { Emission } from './emission.js';
import { OUTSIDE, type SegmentEvent, type SegmentState, step } from './segment-state.js';
import { TransactionAssembler } from './transaction-assembler.js';

type Event =
  | 'change'
  | 'skip'
  | 'ddl'
  | { kind: 'lead' | 'trail' | 'row'; context: string; verified: boolean | null };

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<Event>('ddl') },
  { weight: 3, arbitrary: fc.constant<Event>('change') },
  { weight: 1, arbitrary: fc.constant<Event>('skip') },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('lead' as const, 'trail' as const, 'row' as const),
      context: fc.integer({ min: 0, max: 3 }).map((user) => `{"user":${user}}`),
      verified: fc.constantFrom(true, false, null),
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
const DDL = {
  command: 'ALTER TABLE',
  objectType: null,
  schema: null,
  identity: null,
  oid: null,
  isDrop: false,
  publication: null,
  role: null,
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
    publication: 'colophon',
    maxPartChanges,
    maxPartSize: 1e9,
    onPart: (part) => parts.push(part),
  });
  transactions.forEach((events, index) => {
    assembler.begin(begin(BigInt(index * 10)));
    let position = 0n;
    for (const one of events) {
      position += 10n;
      if (one === 'change') assembler.row(row, lsn(position));
      else if (one === 'skip') assembler.skipRow();
      else if (one === 'ddl') assembler.emission({ kind: 'ddl', facts: DDL }, lsn(position + 1n));
      else assembler.emission(one as Emission, lsn(position + 1n));
    }
    assembler.commit(commit(BigInt(index * 10)), []);
  });
  return parts;
}

/** The rule as it is said, looked up anew for every change, or for every command with the `sequence` of the row after it. */
function naive(
  events: Event[],
  kind: 'change' | 'ddl',
): { sequence: number; context: string; verified: boolean | null }[] {
  const found: ReturnType<typeof naive> = [];
  let sequence = 0;
  events.forEach((one, at) => {
    const its = one === 'change' || one === 'skip' ? sequence++ : sequence;
    if (one !== kind) return;
    const next = events.slice(at).find((other) => typeof other === 'object');
    // What names one change alone is past for all but the next.
    const previous = events
      .slice(0, at)
      .findLast(
        (other, place) =>
          typeof other === 'object' &&
          (other.kind !== 'row' || events.slice(place, at).every((between) => typeof between === 'object')),
      );
    const isItsOwn = typeof previous === 'object' && previous.kind === 'row';
    const { context, verified } =
      typeof next === 'object' && next.kind === 'trail' && !isItsOwn
        ? next
        : typeof previous === 'object'
          ? previous
          : { context: '{}', verified: null };
    found.push({ sequence: its, context, verified });
  });
  return found;
}

describe('stitching', () => {
  it('gives every change, and every command, the context that the rule says, however the transaction is cut (S1, S2, S3, S10)', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), fc.integer({ min: 1, max: 5 }), (events, size) => {
        const parts = assemble([events], size);
        const { contexts = [], verified = [] } = parts.at(-1)?.end ?? {};
        const named = ({ sequence, segment }: { sequence: number; segment: number }) => ({
          sequence,
          context: contexts[segment],
          verified: verified[segment],
        });
        expect(parts.flatMap((part) => part.changes).map(named)).toEqual(naive(events, 'change'));
        const commands = parts.flatMap((part) => part.ddl ?? []);
        expect(commands.map(named)).toEqual(naive(events, 'ddl'));
        expect(commands.map(({ ordinal }) => ordinal)).toEqual(commands.map((_, index) => index));
      }),
      { numRuns: 1_000 },
    );
  });

  it('gives the same where rows of one LSN overtook the message that ends there (S9)', () => {
    // Each a message or a record of rows (a COPY has several at one LSN), in the order of the log; `isOvertaken`: of rows and
    // message one is of a subtransaction, and the server gives the rows first.
    const record = fc.oneof(
      fc.record({ rows: fc.integer({ min: 1, max: 4 }) }),
      fc.record({
        message: fc.oneof(
          fc.record({
            kind: fc.constantFrom('lead' as const, 'trail' as const, 'row' as const),
            context: fc.constantFrom('{"u":1}', '{"u":2}'),
            verified: fc.constantFrom(true, false),
          }),
          fc.constant({ kind: 'ddl' as const, facts: DDL }),
        ),
        isOvertaken: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(fc.array(record, { maxLength: 20 }), fc.integer({ min: 1, max: 5 }), (log, size) => {
        const give = (isSwapped: boolean) => {
          const calls: ((to: TransactionAssembler) => void)[] = [];
          let delayed: ((to: TransactionAssembler) => void) | undefined;
          log.forEach((one, at) => {
            // A record begins where the one before it ends: that is a row's LSN, and a message's is its end.
            if ('rows' in one) {
              for (let n = 0; n < one.rows; n++) calls.push((to) => to.row(row, lsn(BigInt(at))));
              if (delayed !== undefined) calls.push(delayed);
              delayed = undefined;
              return;
            }
            if (delayed !== undefined) calls.push(delayed);
            delayed = (to) => to.emission(one.message, lsn(BigInt(at + 1)));
            if (isSwapped && one.isOvertaken) return;
            calls.push(delayed);
            delayed = undefined;
          });
          if (delayed !== undefined) calls.push(delayed);
          const parts: TransactionPart[] = [];
          const assembler = new TransactionAssembler({
            systemIdentifier: '1',
            timeline: 1,
            publication: 'colophon',
            maxPartChanges: size,
            maxPartSize: 1e9,
            onPart: (part) => parts.push(part),
          });
          assembler.begin(begin(1n));
          for (const call of calls) call(assembler);
          assembler.commit(commit(1n), []);
          const { contexts = [], verified = [] } = parts.at(-1)?.end ?? {};
          const name = <One extends { segment: number }>({ segment, ...one }: One) => ({
            ...one,
            context: contexts[segment],
            verified: verified[segment],
          });
          return parts.flatMap(({ ddl = [], changes }) => [...ddl.map(name), ...changes.map(name)]);
        };
        expect(give(true)).toEqual(give(false));
      }),
      { numRuns: 2_000 },
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
        expect(seen).toEqual(
          transactions.flatMap((events) => naive(events, 'change').map(({ context }) => context)),
        );
      }),
    );
  });

  it('makes parts of bounded size, of which only the last ends, and none for a transaction that holds nothing (S5, S6)', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), fc.integer({ min: 1, max: 5 }), (events, size) => {
        const parts = assemble([events], size);
        expect(parts.every(({ changes, ddl = [] }) => Math.max(changes.length, ddl.length) <= size)).toBe(
          true,
        );
        expect(parts.slice(0, -1).every(({ end }) => end === null)).toBe(true);
        if (events.includes('change') || events.includes('ddl')) expect(parts.at(-1)?.end).not.toBeNull();
        else expect(parts).toEqual([]);
        const emissions = events.filter((one) => typeof one === 'object').length;
        expect(parts.at(-1)?.end?.contexts.length ?? 0).toBeLessThanOrEqual(2 * emissions + 1);
      }),
    );
  });

  it('refuses what no server sends, from every state (S7)', () => {
    const began = { context: '{}', verified: null } as const;
    const filled: SegmentState = { kind: 'filled', segment: 0, began };
    const empty: SegmentState = { kind: 'empty', segment: 0, began };
    const events: SegmentEvent[] = [
      { kind: 'change' },
      { kind: 'commit' },
      { kind: 'lead', ...began },
      { kind: 'trail', ...began },
      { kind: 'row', ...began },
    ];
    for (const one of events) {
      expect(() => step(OUTSIDE, one)).toThrow(expect.objectContaining({ code: 'PROTOCOL_VIOLATION' }));
    }
    const base = began;
    const awaiting: SegmentState = { kind: 'awaiting', segment: 0, began, base };
    const single: SegmentState = { kind: 'single', segment: 0, began, base };
    for (const state of [filled, empty, awaiting, single]) {
      expect(() => step(state, { kind: 'begin' })).toThrow(
        expect.objectContaining({ code: 'PROTOCOL_VIOLATION' }),
      );
    }
  });
});
