import {
  type Gap,
  INVALID_LSN,
  type Lsn,
  type Sink,
  type SourceDescription,
  type StoredPosition,
} from '@colophon/protocol';
import { PartQueue } from '../batch/part-queue.js';
import { type Flushed, SinkWriter } from '../batch/sink-writer.js';
import type { ConsumerSettings } from '../consumer-options.js';
import type { CatalogQuery } from '../decode/catalog-query.js';
import { SourceCatalog } from '../decode/source-catalog.js';
import { checkRedactionRules } from '../redact/check-rules.js';
import { confirmedLsn } from '../replication/confirmed-lsn.js';
import { otherSlots } from '../replication/other-slots.js';
import { ReplicationStream } from '../replication/replication-stream.js';
import type { SourceClient } from '../replication/source-client.js';
import { unreadable } from '../replication/unreadable.js';
import type { SignatureVerifier } from '../signature/signature-verifier.js';
import { EmissionReader } from '../stitch/emission.js';
import { TransactionAssembler } from '../stitch/transaction-assembler.js';
import { StreamDecoder } from '../stream-decoder.js';
import { type AcknowledgedHandlers, Acknowledger } from './acknowledger.js';
import { LifeSigns } from './life-signs.js';
import { type OpenedLedger, openLedger } from './open-ledger.js';
import { PublicationCoverage } from './publication-coverage.js';
import { PublicationWatch } from './publication-watch.js';
import { ReadingGate } from './reading-gate.js';
import { TransactionIntake } from './transaction-intake.js';

/** What a session tells while it runs. */
interface SessionHandlers extends AcknowledgedHandlers {
  /** The sink is open and the stream is read. */
  streaming(source: SourceDescription): void;
  /** A transaction of this size was stored. */
  stored(position: StoredPosition, committedAtMicros: bigint, flushed: Flushed): void;
  /** Read up to here. */
  received(lsn: Lsn): void;
  /** So many changes were left out, since only ignored columns changed. */
  ignored(changes: number): void;
  /** The sink's ledger has a gap that was not known before. */
  gap(gap: Gap): void;
}

/** What a session works with. */
export interface SessionOptions {
  readonly settings: ConsumerSettings;
  readonly sink: Sink;
  readonly client: SourceClient;
  readonly handlers: SessionHandlers;
  /** Null: no signature is asked for. */
  readonly verifier: SignatureVerifier | null;
  /** What this process has had stored before, for a sink that keeps no position itself. */
  readonly remembered: StoredPosition | null;
  /** The last session saw that the source doesn't have what was stored of it. */
  readonly isSourceRestored: boolean;
  /** How long silence is taken for life; grows with each connection that was given up. */
  readonly silenceTimeoutMs: number;
}

const PART_CHANGES = 1_000;
const PART_SIZE = 2 ** 20;

/**
 * One connection's life: take the slot, open the sink, read, store, acknowledge, until it is stopped or something fails.
 * Never used again.
 */
export class Session {
  private readonly options: SessionOptions;
  private readonly queue: PartQueue = new PartQueue();
  private readonly catalog: SourceCatalog;
  private stream!: ReplicationStream;
  private gate: ReadingGate | undefined;
  private acknowledger: Acknowledger | undefined;
  private confirmedLsn!: Lsn;
  private otherSlots: readonly string[] = [];
  private lifeSigns: LifeSigns | undefined;
  private coverage!: PublicationCoverage;
  private watch: PublicationWatch | undefined;
  private decoder: StreamDecoder | undefined;
  private intake: TransactionIntake | undefined;
  private writer: SinkWriter | undefined;
  private readTo: Lsn = INVALID_LSN;
  /** Received between the start of the stream and the sink's being open: the socket is paused, its buffer stays. */
  private early: { bytes: Buffer; lsn: Lsn }[] = [];
  private isStopping = false;
  private isOver = false;
  private failure: unknown = null;
  private fail!: (error: unknown) => void;
  private readonly failed: Promise<never>;

  constructor(options: SessionOptions) {
    this.options = options;
    const { tables, ignored } = options.settings.redactors;
    this.catalog = new SourceCatalog(options.client.query as CatalogQuery, tables, ignored);
    this.failed = new Promise<never>((_, reject) => {
      this.fail = (error) => {
        if (this.isOver) return;
        this.end();
        this.failure = error;
        this.writer?.abandon();
        reject(error);
      };
    });
    this.failed.catch(() => {});
  }

  /** Runs until `stop`, then resolves; rejects with what failed. Whatever happens the connection is closed, and the sink too. */
  async run(): Promise<void> {
    const { sink } = this.options;
    let hasOpened = false;
    try {
      await this.takeSlot();
      const source = this.describe();
      hasOpened = true;
      const writer = this.assemble(source, await this.openSink(source));
      this.options.handlers.streaming(source);
      this.read();
      if (this.isStopping) writer.finish();
      const writing = writer.run();
      await Promise.race([this.failed, writing]).finally(() => {
        writer.abandon();
        // The sink is called again only after the call under way has ended.
        return writing.catch(() => {});
      });
      if (this.failure !== null) throw this.failure;
      this.end();
      this.acknowledger?.send();
      await this.stream.close();
    } finally {
      this.end();
      await this.stream?.destroy();
      if (hasOpened) await sink.close().catch((error: unknown) => this.note(error));
    }
  }

  /** Ends it in order: nothing more is read, what is whole is stored and acknowledged. */
  stop(): void {
    this.isStopping = true;
    this.gate?.shutForGood();
    this.writer?.finish();
  }

  /** Everything before it is stored, or holds nothing to store; null until the slot is ours. */
  get handledLsn(): Lsn | null {
    return this.acknowledger?.handledLsn ?? null;
  }

  /** Changes that wait for the sink. */
  get queuedChanges(): number {
    return this.queue.changes;
  }

  /** From here on nobody else moves the slot. */
  private async takeSlot(): Promise<void> {
    const { settings, client, handlers, silenceTimeoutMs } = this.options;
    const { config, slot, publication } = settings;
    const stream = await ReplicationStream.start(
      { config, slot, publication },
      {
        message: (bytes, lsn) => this.guard(() => this.receive(bytes, lsn)),
        keepalive: (lsn, mustReply) => this.guard(() => this.keepalive(lsn, mustReply)),
        failed: (error) => this.fail(this.inItsPlace(error)),
      },
    );
    this.stream = stream;
    const gate = new ReadingGate(stream, () => this.lifeSigns?.heard());
    if (this.isStopping) gate.shutForGood();
    this.gate = gate;
    // Nobody else moves it from here on.
    this.confirmedLsn = await confirmedLsn(client, slot);
    this.otherSlots = await otherSlots(client, slot);
    const acknowledger = new Acknowledger(stream, this.confirmedLsn, handlers);
    this.acknowledger = acknowledger;
    if (this.isOver) return;
    this.lifeSigns = new LifeSigns({
      senderTimeoutMs: stream.senderTimeoutMs,
      silenceTimeoutMs,
      isReading: () => gate.isOpen,
      bytesRead: () => stream.bytesRead,
      reply: (wantsReply) => acknowledger.giveSignOfLife(wantsReply),
      onSilence: (error) => this.fail(error),
    });
  }

  private describe(): SourceDescription {
    const { settings } = this.options;
    const { systemIdentifier, timeline, database } = this.stream.identity;
    const { slot, environment } = settings;
    const name = settings.name ?? database;
    const { otherSlots } = this;
    return { name, environment, database, systemIdentifier, timeline, slot, otherSlots };
  }

  /** Opens it and its ledger: what is stored already, and what never will be. */
  private async openSink(source: SourceDescription): Promise<OpenedLedger> {
    const { settings, sink, remembered, isSourceRestored, handlers, verifier } = this.options;
    const { confirmedLsn } = this;
    const { writtenLsn, history } = this.stream.identity;
    const stored = await this.orFailure(sink.open(source));
    const facts = { source, writtenLsn, history, confirmedLsn, stored, remembered, isSourceRestored };
    const ledger = await this.orFailure(openLedger(sink, facts, handlers.gap));
    const relations = (await this.orFailure(sink.recallRelations?.() ?? Promise.resolve([]))) ?? [];
    await this.orFailure(this.watchPublication(source));
    this.catalog.recall(relations);
    settings.redactors.tables?.recall(relations);
    await this.orFailure(this.catalog.load(settings.publication));
    await this.orFailure(this.checkRedaction());
    if (verifier !== null) {
      const { keptMs } = settings.signature!;
      const memory = await this.orFailure(sink.recallNonces?.(keptMs) ?? Promise.resolve(null));
      verifier.open(source.database, memory);
    }
    return ledger;
  }

  /** Once: later the rules follow the tables, which may be called otherwise by then. */
  private async checkRedaction(): Promise<void> {
    const { tables } = this.options.settings.redactors;
    if (tables === null || tables.isChecked) return;
    await checkRedactionRules(tables, this.options.client.query as CatalogQuery);
    tables.isChecked = true;
  }

  /** What it gives now, against what it gave when somebody last looked. */
  private watchPublication(source: SourceDescription): Promise<void> {
    const { settings, sink, client, handlers } = this.options;
    const { publication, publicationCheckMs } = settings;
    const coverage = new PublicationCoverage(publication, source);
    this.coverage = coverage;
    const watch = new PublicationWatch({
      client,
      publication,
      source,
      sink,
      everyMs: publicationCheckMs,
      onDue: () => this.writer?.notify(),
      onChange: ({ table, isWhole, approvedBy = null, lsn }) => {
        const gap = coverage.gapAt({ name: publication, table, isWhole, approvedBy }, lsn);
        if (gap !== null) handlers.gap(gap);
      },
    });
    this.watch = watch;
    return watch.begin();
  }

  private async orFailure<T>(work: Promise<T>): Promise<T> {
    // The call is waited for even where the connection fails meanwhile, so that no other is made beside it.
    const result = await work;
    if (this.failure !== null) throw this.failure;
    return result;
  }

  /** Bytes → rows → transactions → the queue → the sink → the acknowledgement. */
  private assemble(source: SourceDescription, ledger: OpenedLedger): SinkWriter {
    const { settings, sink, handlers, verifier } = this.options;
    const { queue, catalog } = this;
    const gate = this.gate!;
    const acknowledger = this.acknowledger!;
    const assembler = new TransactionAssembler({
      systemIdentifier: source.systemIdentifier,
      timeline: source.timeline,
      publication: settings.publication,
      maxPartChanges: PART_CHANGES,
      maxPartSize: PART_SIZE,
      onPart: (part, bytes) => {
        queue.push(part, bytes);
        if (queue.bytes >= settings.queueBytes) gate.shut('full');
        writer.notify();
      },
    });
    const intake = new TransactionIntake({
      emissions: new EmissionReader({
        prefixes: settings.prefixes,
        redact: settings.redactors.context,
        verifier,
      }),
      verifier,
      keepsNonces: sink.recallNonces !== undefined,
      assembler,
      acknowledger,
      skipBelow: ledger.skipBelow,
      isStored: ledger.isStored,
      expected: ledger.expected,
      publicationChanged: (change, commitLsn) => {
        const gap = this.coverage.gapAt(change, commitLsn);
        if (gap !== null) handlers.gap(gap);
      },
      ignored: (changes) => handlers.ignored(changes),
      received: (lsn) => {
        this.readTo = lsn;
        handlers.received(lsn);
      },
    });
    const writer = new SinkWriter({
      sink,
      queue,
      limits: { maxChanges: settings.batchChanges, maxBytes: settings.batchBytes },
      gatherMs: settings.gatherMs,
      takeRemembered: () => catalog.takeRemembered(),
      onTaken: () => {
        if (queue.bytes <= settings.queueBytes / 2) gate.open('full');
      },
      takeAccount: (isLast) => {
        const lsn = acknowledger.takeAccount(isLast);
        return lsn === null ? null : { ...ledger.accounted, lsn };
      },
      takeErrand: () => this.watch?.takeErrand() ?? null,
      onAccounted: ({ lsn }) => acknowledger.accounted(lsn),
      onStored: (position, flushed) => {
        handlers.stored(position, intake.stored(position.endLsn), flushed);
        acknowledger.stored(position.endLsn);
        this.watch?.stored();
      },
    });
    if (sink.account !== undefined) acknowledger.keepLedger(ledger.accounted.lsn, () => writer.notify());
    this.decoder = new StreamDecoder(
      catalog,
      intake,
      () => gate.shut('catalog'),
      (error) => (error === undefined ? this.guard(() => gate.open('catalog')) : this.fail(error)),
    );
    this.intake = intake;
    this.writer = writer;
    return writer;
  }

  private read(): void {
    const { early } = this;
    this.early = [];
    this.guard(() => {
      for (const { bytes, lsn } of early) this.decoder?.push(bytes, lsn);
    });
    this.gate?.open('opening');
  }

  private receive(bytes: Buffer, lsn: Lsn): void {
    this.lifeSigns?.heard();
    if (this.decoder === undefined) this.early.push({ bytes, lsn });
    else this.decoder.push(bytes, lsn);
  }

  private keepalive(lsn: Lsn, mustReply: boolean): void {
    this.lifeSigns?.heard();
    // Held messages come before it.
    if (this.decoder === undefined || this.decoder.isHolding) {
      if (mustReply) this.acknowledger?.answer();
      return;
    }
    this.options.handlers.received(lsn);
    this.intake?.decoded(lsn);
    this.acknowledger?.keepalive(lsn, mustReply);
  }

  /** Runs inside the socket's event, where an error would end the process. */
  private guard(work: () => void): void {
    if (this.isOver) return;
    try {
      work();
    } catch (error) {
      this.fail(this.inItsPlace(error));
    }
  }

  private inItsPlace(error: unknown): unknown {
    const { slot } = this.options.settings;
    return unreadable(error, { slot, transaction: this.intake?.current ?? null, readTo: this.readTo });
  }

  private end(): void {
    this.isOver = true;
    this.lifeSigns?.end();
    this.watch?.end();
  }

  private note(error: unknown): void {
    const { logger } = this.options.settings;
    logger.warn({ error }, 'the sink did not close');
  }
}
