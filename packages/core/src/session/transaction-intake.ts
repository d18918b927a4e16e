import {
  ColophonError,
  formatLsn,
  type Lsn,
  type PublicationChange,
  type StoredCommit,
} from '@colophon/protocol';
import type { BeginMessage, CommitMessage, LogicalMessage } from '../decode/message.js';
import type { DecodedRow } from '../decode/row-decoder.js';
import type { SignatureVerifier } from '../signature/signature-verifier.js';
import type { EmissionReader } from '../stitch/emission.js';
import type { TransactionAssembler } from '../stitch/transaction-assembler.js';
import type { DecodedHandlers } from '../stream-decoder.js';
import type { Acknowledger } from './acknowledger.js';

/** What an intake works with. */
export interface TransactionIntakeOptions {
  readonly emissions: EmissionReader;
  /** Null: no signature is asked for. */
  readonly verifier: SignatureVerifier | null;
  /** Whether the sink keeps nonces. */
  readonly keepsNonces: boolean;
  readonly assembler: TransactionAssembler;
  readonly acknowledger: Acknowledger;
  /** Transactions whose commit starts before it are stored already; null where none are known to be. */
  readonly skipBelow: Lsn | null;
  /** Whether one at or behind that is; null where none can be. */
  readonly isStored: ((message: BeginMessage) => boolean) | null;
  /** The last stored transaction, where it must come again; null where it needn't. */
  readonly expected: StoredCommit | null;
  /** A transaction that is stored now changed a publication. */
  readonly publicationChanged: (change: PublicationChange, commitLsn: Lsn) => void;
  /** A transaction was read that had so many changes of nothing but ignored columns. */
  readonly ignored: (changes: number) => void;
  /** A transaction was read to its end. */
  readonly received: (lsn: Lsn) => void;
}

/** A transaction that the sink has still to store. */
interface Unstored extends StoredCommit {
  readonly endLsn: Lsn;
  readonly publications: readonly PublicationChange[];
}

const NONE: readonly PublicationChange[] = [];

/** Takes what was decoded: what is stored already is passed over, everything else is assembled into transactions. */
export class TransactionIntake implements DecodedHandlers {
  private readonly options: TransactionIntakeOptions;
  private storedEndLsn: Lsn | null;
  private expected: StoredCommit | null;
  private arriving: BeginMessage | null = null;
  /** What the arriving transaction did to publications. */
  private publications: readonly PublicationChange[] = NONE;
  private unstored: Unstored[] = [];
  /** Changes of the arriving transaction that column rules leave out. */
  private ignoredChanges = 0;

  constructor(options: TransactionIntakeOptions) {
    this.options = options;
    this.storedEndLsn = options.skipBelow;
    this.expected = options.expected;
    if (this.expected !== null) options.acknowledger.hold();
  }

  /** The transaction that is arriving. */
  get current(): BeginMessage | null {
    return this.arriving;
  }

  begin(message: BeginMessage): boolean {
    this.arriving = message;
    const { acknowledger, assembler, isStored } = this.options;
    acknowledger.begin();
    if (this.expected !== null) this.compare(message);
    if (this.storedEndLsn !== null && message.commitLsn < this.storedEndLsn) return false;
    if (isStored?.(message)) return false;
    this.options.verifier?.begin(message);
    assembler.begin(message);
    return true;
  }

  /** The source has decoded up to here. Throws `SOURCE_CHANGED` where it should have delivered what is stored of it, and hasn't. */
  decoded(lsn: Lsn): void {
    if (this.expected !== null && lsn > this.expected.commitLsn) throw sourceRestored(this.expected);
  }

  /** Positions alone don't tell a source from one that was put back and has since written as much again. */
  private compare({ commitLsn, committedAtMicros }: BeginMessage): void {
    const expected = this.expected!;
    if (commitLsn < expected.commitLsn) return;
    if (commitLsn > expected.commitLsn || committedAtMicros !== expected.committedAtMicros) {
      throw sourceRestored(expected);
    }
    this.expected = null;
    this.options.acknowledger.release();
  }

  row(row: DecodedRow, lsn: Lsn): void {
    this.options.assembler.row(row, lsn);
  }

  skipRow(): void {
    this.options.assembler.skipRow();
  }

  ignoreRow(): void {
    this.ignoredChanges++;
    this.options.assembler.skipRow();
  }

  message(message: LogicalMessage): void {
    const { assembler, emissions } = this.options;
    if (!assembler.isOpen) return;
    const emission = emissions.read(message);
    if (emission === null) return;
    assembler.emission(emission, message.lsn);
    if (emission.kind !== 'ddl' || emission.facts.publication === null) return;
    this.publications = [...this.publications, emission.facts.publication];
  }

  commit(message: CommitMessage): void {
    const { assembler, acknowledger, received, verifier, keepsNonces } = this.options;
    const { commitLsn, endLsn, committedAtMicros } = message;
    const { publications, ignoredChanges } = this;
    this.arriving = null;
    this.publications = NONE;
    this.ignoredChanges = 0;
    if (ignoredChanges > 0) this.options.ignored(ignoredChanges);
    received(endLsn);
    if (!assembler.isOpen) {
      acknowledger.commit(endLsn, false);
      return;
    }
    const nonces = verifier?.commit(endLsn) ?? null;
    const { isGiven, markers } = assembler.commit(message, nonces, keepsNonces);
    if (isGiven) this.unstored.push({ commitLsn, endLsn, committedAtMicros, publications });
    acknowledger.commit(endLsn, isGiven, markers);
  }

  /** Everything up to here is stored. Gives the source's clock at the last commit among it; 0 where there was none. */
  stored(endLsn: Lsn): bigint {
    this.storedEndLsn = endLsn;
    this.options.verifier?.stored(endLsn);
    const { unstored } = this;
    let count = 0;
    while (count < unstored.length && unstored[count]!.endLsn <= endLsn) count++;
    const done = unstored.splice(0, count);
    for (const { publications, commitLsn } of done) {
      for (const change of publications) this.options.publicationChanged(change, commitLsn);
    }
    return done.at(-1)?.committedAtMicros ?? 0n;
  }
}

function sourceRestored({ commitLsn }: StoredCommit): ColophonError {
  return new ColophonError(
    'SOURCE_CHANGED',
    `The source no longer has the transaction at ${formatLsn(commitLsn)} that is stored: it was put back to an earlier state. Reading again from where its slot stands.`,
    { retryable: true, details: { isSourceRestored: true } },
  );
}
