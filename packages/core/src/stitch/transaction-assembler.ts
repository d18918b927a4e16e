import type {
  Change,
  ContextText,
  DdlRecord,
  Lsn,
  Nonce,
  TransactionFacts,
  TransactionPart,
} from '@colophon/protocol';
import type { BeginMessage, CommitMessage } from '../decode/message.js';
import type { DecodedRow } from '../decode/row-decoder.js';
import type { DdlFacts } from './ddl-message.js';
import type { Emission } from './emission.js';
import {
  OUTSIDE,
  passedOver,
  type SegmentEvent,
  type SegmentState,
  step,
  unfilled,
} from './segment-state.js';

/** Where and how a transaction's parts go. */
export interface AssemblerOptions {
  readonly systemIdentifier: string;
  readonly timeline: number;
  /** The publication that is read. */
  readonly publication: string;
  /** A part is cut at this many changes. */
  readonly maxPartChanges: number;
  /** … or at this many UTF-16 units of JSON. */
  readonly maxPartSize: number;
  /** Takes the next part of the stream; `size` is about what it weighs in memory, in bytes. */
  readonly onPart: (part: TransactionPart, size: number) => void;
}

/** What a transaction came to. */
export interface AssembledTransaction {
  readonly commitLsn: Lsn;
  readonly endLsn: Lsn;
  /** Whether parts were given to the sink: it held a change, a change of the schema, or signatures to be remembered. */
  readonly isGiven: boolean;
  /** Tokens of the markers in it. */
  readonly markers: readonly string[];
}

// A change's objects besides its text, and the pieces that V8 joins a text of only when it is read.
const CHANGE_OVERHEAD = 600;
const PART_OVERHEAD = 400;
const NONE: Change[] = [];

/** Puts decoded rows and emissions together to transactions, in parts of bounded size. */
export class TransactionAssembler {
  private readonly options: AssemblerOptions;
  private state: SegmentState = OUTSIDE;
  private facts: TransactionFacts | null = null;
  private changes: Change[] = [];
  private ddl: DdlRecord[] = [];
  private ddlCount = 0;
  private size = 0;
  private isGiven = false;
  private sequence = 0;
  /** The `sequence` of the row that filled the segment at hand; -1 where a command did. */
  private filledAt = 0;
  /** How things stood before the last change that alone was named, where another followed it at once. */
  private beforeSingle: { at: number; state: SegmentState; contexts: number } | null = null;
  private contexts: ContextText[] = [];
  /** By segment, as the contexts. */
  private verified: (boolean | null)[] = [];
  private markers: string[] = [];

  constructor(options: AssemblerOptions) {
    this.options = options;
  }

  /** Whether a transaction has begun and not ended. */
  get isOpen(): boolean {
    return this.state !== OUTSIDE;
  }

  begin(message: BeginMessage): void {
    this.apply({ kind: 'begin' });
    const { systemIdentifier, timeline } = this.options;
    const { xid, commitLsn, committedAtMicros } = message;
    this.facts = { systemIdentifier, timeline, xid, commitLsn, committedAtMicros, receivedAtMs: Date.now() };
    this.changes = [];
    this.size = 0;
    this.isGiven = false;
    this.ddl = [];
    this.ddlCount = 0;
    this.sequence = 0;
    this.contexts = [];
    this.verified = [];
    this.markers = [];
    this.beforeSingle = null;
  }

  /** One row; each relation of a TRUNCATE is one. */
  row(row: DecodedRow, position: Lsn): void {
    const segment = this.fill(this.sequence);
    const { relation, operation, key, primaryKey, before, after, unchanged } = row;
    const sequence = this.sequence++;
    this.changes.push({
      relation,
      operation,
      sequence,
      position,
      segment,
      key,
      primaryKey,
      before,
      after,
      unchanged,
    });
    this.size += before.length + after.length + key.length + CHANGE_OVERHEAD;
    if (this.size >= this.options.maxPartSize || this.changes.length >= this.options.maxPartChanges) {
      this.cut();
    }
  }

  /** A row that isn't audited, or is ignored: it has its ordinal all the same, so that identities don't depend on what is left out. */
  skipRow(): void {
    this.sequence++;
    this.state = passedOver(this.state);
  }

  /**
   * A message that counts; `position` is its LSN. Rows at that very LSN stand after it in the log, and yet may have come
   * before it, where only one of them is of a subtransaction (SPEC.md, P2): they are taken back, and put behind it.
   */
  emission(emission: Emission, position: Lsn): void {
    if (emission.kind === 'marker') {
      this.markers.push(emission.token);
      return;
    }
    const overtaken = this.takeBack(position);
    if (emission.kind === 'ddl') this.schemaChange(emission.facts, position, overtaken[0]?.sequence);
    else this.apply(emission);
    for (const change of overtaken) {
      this.changes.push({ ...change, segment: this.fill(change.sequence) });
      this.size += sizeOf(change);
    }
  }

  /** `nonces` are the right signatures in it; null: none is asked for. `keepsEmpty`: what has nonces goes to the sink also without changes. */
  commit(
    message: CommitMessage,
    nonces: readonly Nonce[] | null = null,
    keepsEmpty = false,
  ): AssembledTransaction {
    this.apply({ kind: 'commit' });
    const { commitLsn, endLsn } = message;
    const { contexts, verified, markers } = this;
    const hasRecords = this.isGiven || this.changes.length > 0 || this.ddl.length > 0;
    const isGiven = hasRecords || (keepsEmpty && nonces !== null && nonces.length > 0);
    if (isGiven) this.give(nonces === null ? { endLsn, contexts } : { endLsn, contexts, verified, nonces });
    this.facts = null;
    return { commitLsn, endLsn, isGiven, markers };
  }

  private apply(event: SegmentEvent): void {
    const { state, settled } = step(this.state, event);
    this.state = state;
    if (settled === null) return;
    this.contexts.push(settled.context);
    this.verified.push(settled.verified);
  }

  /** Takes its context by the rules of a row. A part's commands come before its changes: so the changes so far go first. */
  private schemaChange(facts: DdlFacts, position: Lsn, sequence: number = this.sequence): void {
    if (this.changes.length > 0) this.give(null);
    const segment = this.fill(-1);
    const isOwnPublication = facts.publication?.name === this.options.publication;
    this.ddl.push({ ...facts, isOwnPublication, ordinal: this.ddlCount++, sequence, position, segment });
    this.size += CHANGE_OVERHEAD;
    if (this.size >= this.options.maxPartSize || this.ddl.length >= this.options.maxPartChanges)
      this.give(null);
  }

  /** The number of the segment at hand, which has something in it from now on. */
  private fill(sequence: number): number {
    if (this.state.kind !== 'filled') {
      if (this.state.kind === 'single') {
        const { contexts, filledAt: at, state } = this;
        this.beforeSingle = { at, state: unfilled(state), contexts: contexts.length };
      }
      this.apply({ kind: 'change' });
      this.filledAt = sequence;
    }
    return (this.state as Extract<SegmentState, { kind: 'filled' | 'single' }>).segment;
  }

  /** How many of the last changes are at this LSN: a few hundred at most, the rows of one record of a COPY. */
  private countAt(position: Lsn): number {
    const { changes } = this;
    let count = 0;
    while (count < changes.length && changes[changes.length - 1 - count]!.position === position) count++;
    return count;
  }

  private takeBack(position: Lsn): Change[] {
    const count = this.countAt(position);
    if (count === 0) return NONE;
    const taken = this.changes.splice(-count);
    for (const change of taken) this.size -= sizeOf(change);
    const first = taken[0]!.sequence;
    if (this.filledAt === first) this.state = unfilled(this.state);
    else if (this.beforeSingle?.at === first) {
      this.state = this.beforeSingle.state;
      this.contexts.length = this.verified.length = this.beforeSingle.contexts;
    }
    return taken;
  }

  /** Gives a part, but for the last rows at one LSN: a message may still come that belongs before them. */
  private cut(): void {
    const held = this.changes.splice(-this.countAt(this.changes.at(-1)!.position));
    if (this.changes.length > 0) this.give(null);
    this.changes = held;
    this.size = 0;
    for (const change of held) this.size += sizeOf(change);
  }

  private give(end: TransactionPart['end']): void {
    const { changes, ddl, size } = this;
    this.changes = [];
    this.size = 0;
    this.isGiven = true;
    const part = { facts: this.facts as TransactionFacts, changes, end };
    if (ddl.length > 0) this.ddl = [];
    this.options.onPart(ddl.length > 0 ? { ...part, ddl } : part, size + PART_OVERHEAD);
  }
}

function sizeOf({ before, after, key }: Change): number {
  return before.length + after.length + key.length + CHANGE_OVERHEAD;
}
