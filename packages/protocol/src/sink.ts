import type { AccountedPosition, Gap, StoredCommit, StoredTransaction } from './gap.js';
import type { Lsn } from './lsn.js';
import type { CoverageChange, SeenPublication } from './publication.js';
import type { TransactionPart } from './transaction.js';

/** The source whose transactions a sink is about to receive. */
export interface SourceDescription {
  /** The source's name in audit records. */
  readonly name: string;
  /** Its label: production, staging, …; empty where none is given. */
  readonly environment: string;
  readonly database: string;
  readonly systemIdentifier: string;
  readonly timeline: number;
  readonly slot: string;
  /** The database's other logical slots that can be read: what is stored through one of them is another source's. Default: not known. */
  readonly otherSlots?: readonly string[];
}

/** How far a sink has durably stored a source. */
export interface StoredPosition {
  readonly systemIdentifier: string;
  readonly timeline: number;
  /** Start of the last stored transaction's commit record. */
  readonly commitLsn: Lsn;
  /** End of it. Every transaction of this timeline whose commit LSN is below is stored. */
  readonly endLsn: Lsn;
}

/** A table's key as last seen in the source's catalog, kept so that changes of a dropped table still have theirs. */
export interface RememberedRelation {
  readonly oid: number;
  /** The table's own schema and name (the leaf's, for a partition). */
  readonly schema: string;
  readonly table: string;
  /** The root's schema and name where it is a partition, else null. */
  readonly rootSchema: string | null;
  readonly rootTable: string | null;
  readonly keyColumns: readonly string[];
}

/** What a sink remembers of the signatures that it has been given (`TransactionEnd.nonces`). */
export interface NonceMemory {
  /** Everything signed before was forgotten, in milliseconds since 1970-01-01 UTC; 0 where nothing was. */
  readonly forgottenUntilMs: number;
  readonly signers: readonly {
    readonly signer: string;
    /** Which of its counters were seen: first and last of each run. */
    readonly counters: readonly (readonly [first: number, last: number])[];
    /** When it last signed, by its clock. */
    readonly newestMs: number;
  }[];
}

/**
 * Where audit records go. The consumer calls one method at a time and waits for it:
 * `open (write* flush)* close`. After any rejection nothing of what was written since the last `flush` may stay;
 * the consumer then calls `open` again and resumes from the position it returns.
 */
export interface Sink {
  /** Gets ready for a source and says how far it is stored; null where nothing is. Also called again after a failure. */
  open(source: SourceDescription): Promise<StoredPosition | null>;
  /**
   * Takes transactions in commit order, large ones in several parts. Nothing of it is durable or visible yet.
   * The sink may not keep the array: the consumer reuses nothing but frees it.
   */
  write(parts: readonly TransactionPart[]): Promise<void>;
  /** Makes everything written so far durable and visible together with the position, at once or not at all. Called only between transactions. */
  flush(position: StoredPosition): Promise<void>;
  /** Ends; what was not flushed is forgotten. */
  close(): Promise<void>;
  /** The keys of tables seen earlier, dropped ones too. Optional: without it the keys of dropped tables are not known. */
  recallRelations?(): Promise<readonly RememberedRelation[]>;
  /** Keeps tables' keys for later. May be called between any two other calls; durable with the next `flush` or before. */
  rememberRelations?(relations: readonly RememberedRelation[]): Promise<void>;
  /**
   * How far the source that was opened is accounted for; null where nothing is known. A sink that has this, `account` and
   * `recordGaps` keeps a completeness ledger: no position is acknowledged before it is durable here, so whatever
   * moved the slot further was somebody else. Called after `open`.
   */
  accountedPosition?(): Promise<AccountedPosition | null>;
  /** Makes durable that everything before the position is stored or holds nothing to store. Called only where nothing is written that isn't flushed. `flush` does the same up to its end. */
  account?(position: AccountedPosition): Promise<void>;
  /** Records gaps and moves the accounted position, back too, at once or not at all. Gives those that were not recorded before. Called between `open` and the first `write`. */
  recordGaps?(gaps: readonly Gap[], accounted: AccountedPosition): Promise<readonly Gap[]>;
  /** The commit of the last stored transaction, by which the source is known again; null where nothing is stored. Called after `open`. */
  lastCommit?(): Promise<StoredCommit | null>;
  /** The stored transactions whose commit starts at `fromLsn` or later and before `toLsn`, on any timeline: asked where no position tells. */
  recallTransactions?(fromLsn: Lsn, toLsn: Lsn): Promise<readonly StoredTransaction[]>;
  /** The publication as it was seen when this was last kept; null where it never was. Called after `open`. */
  recallPublished?(): Promise<SeenPublication | null>;
  /** Keeps how a publication was seen, and records what it no longer gives, or gives again, as gaps. Called only where nothing is written that isn't flushed. */
  notePublished?(seen: SeenPublication, changes: readonly CoverageChange[]): Promise<void>;
  /**
   * The signatures' nonces that were flushed, those older than `keptMs` before the newest left out, and from now on forgotten. Called after
   * `open` where signatures are verified. A sink that has it is also given transactions without changes that hold signatures.
   * Optional: without it a replay is only noticed within one run of the consumer.
   */
  recallNonces?(keptMs: number): Promise<NonceMemory>;
}
