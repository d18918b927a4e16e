import {
  type Change,
  type DdlRecord,
  lsn,
  type Relation,
  type SourceDescription,
  type StoredPosition,
  type TransactionFacts,
  type TransactionPart,
} from '@colophon/protocol';

/** A source for a sink, without a server behind it. */
export const SOURCE: SourceDescription = {
  name: 'shop',
  environment: 'test',
  database: 'shop',
  systemIdentifier: '18446744073709551615',
  timeline: 1,
  slot: 'colophon',
};

/** A table with the key `id`. */
export const TODO: Relation = {
  oid: 16_400,
  schema: 'public',
  table: 'todo',
  partition: null,
  keyColumns: ['id'],
};

/** A change to be completed: what isn't given is an INSERT into `todo`. */
export type ChangeInput = Partial<Change> & { id?: number };

/** A transaction to be completed. */
export interface TransactionInput {
  /** Commands before the changes: what isn't given is an ALTER TABLE of `todo`. */
  readonly ddl?: readonly Partial<DdlRecord>[];
  readonly changes: readonly ChangeInput[];
  readonly contexts?: readonly string[];
  readonly committedAtMicros?: bigint;
  readonly xid?: number;
}

const START = 0x16_b374_d848n;
const STEP = 0x1000n;
/** 2026-11-23 00:00 UTC. */
const NOVEMBER_23 = 1_795_392_000_000_000n;

/** Makes transactions with rising positions, as a source's log has them. */
export class FakeSource {
  #commitLsn: bigint;
  #xid = 4_294_967_000;

  constructor(start: bigint = START) {
    this.#commitLsn = start;
  }

  /** One whole transaction. */
  transaction(input: TransactionInput): TransactionPart {
    const facts = this.facts(input);
    const changes = changesOf(facts, input.changes, 0);
    const whole = { facts, changes, end: this.end(facts, input.contexts) };
    return input.ddl === undefined ? whole : { ...whole, ddl: ddlOf(facts, input.ddl) };
  }

  /** A new transaction's facts. */
  facts(input: Omit<TransactionInput, 'changes' | 'ddl'> = {}): TransactionFacts {
    this.#commitLsn += STEP;
    return {
      systemIdentifier: SOURCE.systemIdentifier,
      timeline: SOURCE.timeline,
      xid: input.xid ?? this.#xid++,
      commitLsn: lsn(this.#commitLsn),
      committedAtMicros: input.committedAtMicros ?? NOVEMBER_23 + (this.#commitLsn - START),
      receivedAtMs: 1_795_392_000_123,
    };
  }

  end(facts: TransactionFacts, contexts: readonly string[] = ['{}']): NonNullable<TransactionPart['end']> {
    return { endLsn: lsn(facts.commitLsn + 48n), contexts };
  }
}

/** Completes changes, numbered from `first`. */
export function changesOf(facts: TransactionFacts, inputs: readonly ChangeInput[], first: number): Change[] {
  return inputs.map(({ id = first, ...input }, index) => ({
    relation: TODO,
    operation: 'CREATE',
    sequence: first + index,
    position: lsn(facts.commitLsn - STEP + BigInt(index % 100)),
    segment: 0,
    key: `{"id":${id}}`,
    primaryKey: String(id),
    before: '{}',
    after: `{"id":${id},"title":"t"}`,
    unchanged: [],
    ...input,
  }));
}

function ddlOf(facts: TransactionFacts, inputs: readonly Partial<DdlRecord>[]): DdlRecord[] {
  return inputs.map((input, ordinal) => ({
    command: 'ALTER TABLE',
    objectType: 'table',
    schema: 'public',
    identity: 'public.todo',
    oid: TODO.oid,
    isDrop: false,
    publication: null,
    role: 'kim',
    ordinal,
    sequence: 0,
    position: lsn(facts.commitLsn - STEP),
    isOwnPublication: false,
    segment: 0,
    ...input,
  }));
}

/** The position after a transaction's last part. */
export function positionAfter(part: TransactionPart): StoredPosition {
  const { systemIdentifier, timeline, commitLsn } = part.facts;
  if (part.end === null) throw new Error('the transaction has not ended');
  return { systemIdentifier, timeline, commitLsn, endLsn: part.end.endLsn };
}
