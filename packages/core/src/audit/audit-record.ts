import {
  type Change,
  type Context,
  type ContextText,
  changeId,
  changeJsonText,
  formatLsn,
  type JsonText,
  type Operation,
  type SourceDescription,
  type TransactionFacts,
} from '@colophon/protocol';
import { timestampText } from './timestamp-text.js';

/** A row as parsed JSON. Numbers beyond 2^53 lose digits here; the `…Json` text keeps them. */
export type ParsedRow = Readonly<Record<string, unknown>>;

/**
 * One audit record: a change, its context, its transaction. Named as the columns of `colophon.changes`, so that every
 * output says the same. `before`, `after`, `key` and `context` are parsed when they are asked for; their `…Json` are the
 * exact texts, with every digit of `bigint` and `numeric`.
 */
export class AuditRecord {
  private readonly sourceDescription: SourceDescription;
  private readonly facts: TransactionFacts;
  private readonly change: Change;
  /** The context as JSON text. */
  readonly contextJson: ContextText;
  /** Whether the context's signature was right; null where nothing was emitted, or no signature is asked for. */
  readonly verified: boolean | null;

  constructor(
    source: SourceDescription,
    facts: TransactionFacts,
    change: Change,
    context: ContextText,
    verified: boolean | null,
  ) {
    this.verified = verified;
    this.sourceDescription = source;
    this.facts = facts;
    this.change = change;
    this.contextJson = context;
  }

  /** The same change always has the same one, here and in the store. */
  get id(): string {
    const { systemIdentifier, timeline, commitLsn } = this.facts;
    return changeId({ systemIdentifier, timeline, commitLsn, sequence: this.change.sequence });
  }
  /** Assigned by a store; there is none here. */
  get seq(): null {
    return null;
  }
  get source(): string {
    return this.sourceDescription.name;
  }
  get environment(): string {
    return this.sourceDescription.environment;
  }
  get database(): string {
    return this.sourceDescription.database;
  }
  get schema(): string {
    return this.change.relation.schema;
  }
  get table(): string {
    return this.change.relation.table;
  }
  get partition(): string | null {
    return this.change.relation.partition;
  }
  get primary_key(): string | null {
    return this.change.primaryKey;
  }
  get key(): ParsedRow {
    return JSON.parse(this.change.key);
  }
  get keyJson(): JsonText {
    return this.change.key;
  }
  get operation(): Operation {
    return this.change.operation;
  }
  get before(): ParsedRow {
    return JSON.parse(this.change.before);
  }
  get beforeJson(): JsonText {
    return this.change.before;
  }
  get after(): ParsedRow {
    return JSON.parse(this.change.after);
  }
  get afterJson(): JsonText {
    return this.change.after;
  }
  /** Columns whose value the stream did not carry: absent from `after`. */
  get unchanged(): readonly string[] {
    return this.change.unchanged;
  }
  get context(): Context {
    return JSON.parse(this.contextJson);
  }
  /** The source's clock, ISO 8601 with microseconds. */
  get committed_at(): string {
    return timestampText(this.facts.committedAtMicros);
  }
  /** When it was received, by this process's clock. */
  get queued_at(): string {
    return timestampText(BigInt(this.facts.receivedAtMs) * 1_000n);
  }
  /** When a store stored it; there is none here. */
  get created_at(): null {
    return null;
  }
  get transaction_id(): number {
    return this.facts.xid;
  }
  /** The change's own LSN as a number. */
  get position(): bigint {
    return this.change.position;
  }
  get commit_lsn(): string {
    return formatLsn(this.facts.commitLsn);
  }
  get timeline(): number {
    return this.facts.timeline;
  }
  get sequence(): number {
    return this.change.sequence;
  }

  /** The record as one line of JSON, every digit as it was. */
  toJsonText(): JsonText {
    return changeJsonText(this);
  }
}
