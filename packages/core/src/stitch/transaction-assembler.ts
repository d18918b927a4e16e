import type { Change, ContextText, Lsn, Nonce, TransactionFacts, TransactionPart } from '@colophon/protocol';
import type { BeginMessage, CommitMessage } from '../decode/message.js';
import type { DecodedRow } from '../decode/row-decoder.js';
import type { Emission } from './emission.js';
import { OUTSIDE, type SegmentEvent, type SegmentState, step } from './segment-state.js';

/** Where and how a transaction's parts go. */
export interface AssemblerOptions {
  readonly systemIdentifier: string;
  readonly timeline: number;
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
  /** Changes given to the sink; 0 where the transaction held none, and no part was made. */
  readonly changes: number;
  /** Whether the sink was given anything of it. */
  readonly isForSink: boolean;
  /** Tokens of the markers in it. */
  readonly markers: readonly string[];
}

// A change's objects besides its text, and the pieces that V8 joins a text of only when it is read.
const CHANGE_OVERHEAD = 600;
const PART_OVERHEAD = 400;

/** Puts decoded rows and emissions together to transactions, in parts of bounded size. */
export class TransactionAssembler {
  private readonly options: AssemblerOptions;
  private state: SegmentState = OUTSIDE;
  private facts: TransactionFacts | null = null;
  private changes: Change[] = [];
  private size = 0;
  private given = 0;
  private sequence = 0;
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
    this.given = 0;
    this.sequence = 0;
    this.contexts = [];
    this.verified = [];
    this.markers = [];
  }

  /** One row; each relation of a TRUNCATE is one. */
  row(row: DecodedRow, position: Lsn): void {
    if (this.state.kind !== 'filled') this.apply({ kind: 'change' });
    const { segment } = this.state as Extract<SegmentState, { kind: 'filled' }>;
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
      this.give(null);
    }
  }

  /** A row that isn't audited: it has its ordinal all the same, so that identities don't depend on what is left out. */
  skipRow(): void {
    this.sequence++;
  }

  emission(emission: Emission): void {
    if (emission.kind === 'marker') this.markers.push(emission.token);
    else this.apply(emission);
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
    const changes = this.given + this.changes.length;
    const isForSink = changes > 0 || (keepsEmpty && nonces !== null && nonces.length > 0);
    if (isForSink) this.give(nonces === null ? { endLsn, contexts } : { endLsn, contexts, verified, nonces });
    this.facts = null;
    return { commitLsn, endLsn, changes, isForSink, markers };
  }

  private apply(event: SegmentEvent): void {
    const { state, settled } = step(this.state, event);
    this.state = state;
    if (settled === null) return;
    this.contexts.push(settled.context);
    this.verified.push(settled.verified);
  }

  private give(end: TransactionPart['end']): void {
    const { changes, size } = this;
    this.changes = [];
    this.size = 0;
    this.given += changes.length;
    this.options.onPart({ facts: this.facts as TransactionFacts, changes, end }, size + PART_OVERHEAD);
  }
}
