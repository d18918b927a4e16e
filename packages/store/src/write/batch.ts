import {
  type Change,
  type DdlRecord,
  INVALID_LSN,
  type Lsn,
  type TransactionFacts,
  type TransactionPart,
} from '@colophon/protocol';
import {
  carefulChange,
  carefulSegment,
  isDoubtful,
  type UnstoredRecord,
  unstoredRecord,
} from './careful-statements.js';
import { DdlRows } from './ddl-rows.js';
import type { Pipeline } from './pipeline.js';
import {
  COPY_CHANGES,
  COPY_SEGMENTS,
  changeRow,
  segmentRow,
  type TransactionRows,
  transactionRows,
} from './record-rows.js';

/** Characters of rows to a CopyData message: far more than a header costs, far less than memory is worth. */
const CHUNK_LENGTH = 65_536;
/** Segments wait for the end of the changes' COPY; more than this are written in between. */
const MAX_SEGMENTS_LENGTH = 4 * CHUNK_LENGTH;

/** Hands out segments' ids. */
export interface SegmentIds {
  /** The id that the next transaction's first segment gets. */
  next: bigint;
}

/** Where in the source's log a row of a COPY came from. */
interface Origin {
  readonly query: number;
  /** The row's number in that COPY, from 1. */
  readonly line: number;
  readonly facts: TransactionFacts;
  readonly sequence: number;
}

/**
 * Everything that one flush makes durable, as one database transaction: the changes go out by COPY as they come, each
 * with its segment's id; the segments follow when their transaction has ended, which is when the contexts are known. So
 * a transaction of any size needs no more memory than a chunk, and its contexts.
 *
 * A careful batch sends each record by a call that puts it aside where the server can't store it; so does any
 * batch with a record so large that this is likely.
 */
export class Batch {
  readonly #pipeline: Pipeline;
  readonly #sourceId: number;
  readonly #ids: SegmentIds;
  /** Whether every record is sent so that it can be put aside. */
  readonly isCareful: boolean;
  #isBegun = false;
  #isCopying = false;
  #copyQuery: number;
  #line = 0;
  #calledBytes = 0;
  #rows = '';
  #segmentRows = '';
  #transaction: TransactionRows | undefined;
  #segments = new Set<number>();
  #segment = -1;
  #segmentId = '';
  #origins: Origin[] = [];
  #changes = 0;
  #newest: string | undefined;
  #lastCommitLsn: Lsn = INVALID_LSN;
  readonly #ddl: DdlRows;

  constructor(pipeline: Pipeline, sourceId: number, ids: SegmentIds, isCareful = false) {
    this.#pipeline = pipeline;
    this.#sourceId = sourceId;
    this.#ids = ids;
    this.isCareful = isCareful;
    this.#copyQuery = pipeline.queries;
    this.#ddl = new DdlRows(sourceId);
  }

  /** Of the last transaction that it was given something of. */
  get lastCommitLsn(): Lsn {
    return this.#lastCommitLsn;
  }

  /** How many changes it holds. */
  get changes(): number {
    return this.#changes;
  }

  /** Takes a part of a transaction; resolves when it may take more. */
  async write(part: TransactionPart): Promise<void> {
    const transaction = (this.#transaction ??= transactionRows(part.facts, this.#ids.next));
    this.#lastCommitLsn = part.facts.commitLsn;
    if (part.ddl !== undefined) await this.#placeDdl(transaction, part.ddl);
    for (const change of part.changes) {
      this.#enterSegment(transaction, change.segment);
      if (this.isCareful || isDoubtful(change)) {
        this.#changes++;
        await this.#call(carefulChange(this.#sourceId, transaction, this.#segmentId, change));
        continue;
      }
      this.#note(part.facts, change);
      this.#rows += changeRow(transaction, this.#segmentId, change);
      if (this.#rows.length >= CHUNK_LENGTH) {
        this.#copy();
        await this.#pipeline.send();
      }
    }
    if (part.end === null) return;
    for (const segment of this.#segments) {
      const context = part.end.contexts[segment] ?? '{}';
      if (this.isCareful) {
        await this.#call(carefulSegment(this.#sourceId, transaction, segment, context));
        continue;
      }
      this.#segmentRows += segmentRow(this.#sourceId, transaction, segment, context);
      if (this.#segmentRows.length >= MAX_SEGMENTS_LENGTH) await this.#writeSegmentsBetween();
    }
    for (const statement of this.#ddl.end(transaction, part.end.contexts, this.isCareful)) {
      await this.#call(statement);
    }
    if (this.#segments.size > 0) this.#newest = transaction.committedAt;
    this.#ids.next += BigInt(part.end.contexts.length);
    this.#segments.clear();
    this.#transaction = undefined;
    this.#segment = -1;
  }

  /** Makes it durable, together with what `statements` do; with no records these are all. Gives what was put aside. */
  async commit(statements: (newestCommittedAt: string | null) => string): Promise<readonly UnstoredRecord[]> {
    const last = this.#ddl.statements() + statements(this.#newest ?? null);
    if (this.#changes === 0 && !this.#isBegun) {
      this.#pipeline.query(last);
    } else {
      // The statements of one message are one transaction by themselves; only what was begun earlier needs BEGIN.
      if (this.#isBegun) {
        this.#endCopy();
        this.#pipeline.query(`${COPY_SEGMENTS};${last};COMMIT`);
      } else {
        this.#pipeline.query(`${COPY_CHANGES};${COPY_SEGMENTS};${last}`);
        this.#takeRows();
        this.#pipeline.copyDone();
      }
      this.#pipeline.copyData(this.#segmentRows);
      this.#pipeline.copyDone();
    }
    await this.#pipeline.finish();
    return this.#pipeline.takeRows().flatMap((row) => unstoredRecord(row) ?? []);
  }

  /** Which change a row of a COPY is; undefined where that isn't known. */
  originOf(query: number, line: number): { facts: TransactionFacts; sequence: number } | undefined {
    const origin = this.#origins.findLast((at) => at.query === query && at.line <= line);
    if (origin === undefined) return;
    return { facts: origin.facts, sequence: origin.sequence + line - origin.line };
  }

  /** Between the changes before and those after, where the one order has numbers for them. */
  async #placeDdl(transaction: TransactionRows, records: readonly DdlRecord[]): Promise<void> {
    for (const { segment } of records) this.#enterSegment(transaction, segment);
    await this.#call(this.#ddl.place(records));
  }

  /** Sends the rows there are by COPY. */
  #copy(): void {
    if (!this.#isCopying) this.#pipeline.query(this.#isBegun ? COPY_CHANGES : `BEGIN;${COPY_CHANGES}`);
    this.#isBegun = true;
    this.#isCopying = true;
    this.#takeRows();
  }

  #endCopy(): void {
    if (this.#rows !== '') this.#copy();
    if (this.#isCopying) this.#pipeline.copyDone();
    this.#isCopying = false;
  }

  #takeRows(): void {
    this.#pipeline.copyData(this.#rows);
    this.#rows = '';
  }

  /** Sends a statement of its own, in its place among the rows. */
  async #call(statement: readonly Buffer[]): Promise<void> {
    this.#endCopy();
    if (!this.#isBegun) this.#pipeline.query('BEGIN');
    this.#isBegun = true;
    this.#pipeline.queryOf(statement);
    this.#calledBytes += statement.reduce((sum, piece) => sum + piece.length, 0);
    if (this.#calledBytes < CHUNK_LENGTH) return;
    this.#calledBytes = 0;
    await this.#pipeline.send();
  }

  async #writeSegmentsBetween(): Promise<void> {
    this.#endCopy();
    this.#pipeline.query(this.#isBegun ? COPY_SEGMENTS : `BEGIN;${COPY_SEGMENTS}`);
    this.#isBegun = true;
    this.#pipeline.copyData(this.#segmentRows);
    this.#pipeline.copyDone();
    this.#segmentRows = '';
    await this.#pipeline.send();
  }

  #enterSegment(transaction: TransactionRows, segment: number): void {
    if (segment === this.#segment) return;
    this.#segment = segment;
    this.#segmentId = String(transaction.firstSegment + BigInt(segment));
    this.#segments.add(segment);
  }

  #note(facts: TransactionFacts, change: Change): void {
    this.#changes++;
    if (!this.#isCopying && this.#rows === '') {
      this.#copyQuery = this.#pipeline.queries;
      this.#line = 0;
    }
    const line = ++this.#line;
    const last = this.#origins.at(-1);
    const follows =
      last !== undefined &&
      last.facts === facts &&
      last.query === this.#copyQuery &&
      last.sequence + line - last.line === change.sequence;
    if (!follows) this.#origins.push({ query: this.#copyQuery, line, facts, sequence: change.sequence });
  }
}
