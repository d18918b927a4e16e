import {
  ColophonError,
  type Lsn,
  type Sink,
  type SourceDescription,
  type StoredPosition,
} from '@colophon/protocol';
import { PartQueue } from './batch/part-queue.js';
import { SinkWriter } from './batch/sink-writer.js';
import type { ConsumerSettings } from './consumer-options.js';
import type { BeginMessage, CommitMessage, LogicalMessage } from './decode/message.js';
import { SourceCatalog } from './decode/source-catalog.js';
import { Feedback } from './replication/feedback.js';
import { ReplicationStream } from './replication/replication-stream.js';
import type { SourceClient } from './replication/source-client.js';
import { EmissionReader } from './stitch/emission.js';
import { TransactionAssembler } from './stitch/transaction-assembler.js';
import { StreamDecoder } from './stream-decoder.js';

/** What a session tells while it runs. */
interface SessionHandlers {
  /** The sink is open and the stream is read. */
  streaming(source: SourceDescription): void;
  /** A transaction of this size was stored. */
  stored(position: StoredPosition, committedAtMicros: bigint, flushed: Flushed): void;
  /** Read up to here. */
  received(lsn: Lsn): void;
  /** Sent to the source. */
  acknowledged(lsn: Lsn): void;
  /** A drain's marker was committed; everything up to `endLsn` is stored and acknowledged. */
  marker(token: string, endLsn: Lsn): void;
}

/** What one flush made durable. */
export interface Flushed {
  readonly transactions: number;
  readonly changes: number;
  readonly bytes: number;
}

/** What a session works with. */
export interface SessionOptions {
  readonly settings: ConsumerSettings;
  readonly sink: Sink;
  readonly client: SourceClient;
  readonly handlers: SessionHandlers;
  /** What this process has had stored before, for a sink that keeps no position itself. */
  readonly remembered: StoredPosition | null;
  /** How long silence is taken for life; grows with each connection that was given up. */
  readonly silenceTimeoutMs: number;
}

const PART_CHANGES = 1_000;
const PART_SIZE = 2 ** 20;
const MAX_REPLY_INTERVAL_MS = 10_000;
const MIN_REPLY_INTERVAL_MS = 50;

type Closing = 'hold' | 'full' | 'opening';

/**
 * One connection's life: take the slot, open the sink, read, store, acknowledge, until it is stopped or something fails.
 * Never used again.
 */
export class Session {
  private readonly options: SessionOptions;
  private readonly queue: PartQueue = new PartQueue();
  private readonly catalog: SourceCatalog;
  private readonly emissions: EmissionReader;
  private readonly closed = new Set<Closing>(['opening']);
  private readonly markers: { token: string; endLsn: Lsn }[] = [];
  private stream!: ReplicationStream;
  private feedback!: Feedback;
  private assembler!: TransactionAssembler;
  private decoder!: StreamDecoder;
  private writer!: SinkWriter;
  private stored: StoredPosition | null = null;
  private commits: { endLsn: Lsn; committedAtMicros: bigint }[] = [];
  private early: { bytes: Buffer; lsn: Lsn }[] = [];
  private replyTimer: NodeJS.Timeout | undefined;
  private acknowledged: Lsn | null = null;
  private lastHeardAtMs = 0;
  private isPaused = true;
  private isStopping = false;
  private isOver = false;
  private failure: unknown = null;
  private fail!: (error: unknown) => void;
  private readonly failed: Promise<never>;

  constructor(options: SessionOptions) {
    this.options = options;
    this.catalog = new SourceCatalog(options.client.query as ConstructorParameters<typeof SourceCatalog>[0]);
    this.emissions = new EmissionReader(options.settings.prefixes);
    this.failed = new Promise<never>((_, reject) => {
      this.fail = (error) => {
        if (this.isOver) return;
        this.isOver = true;
        this.failure = error;
        this.writer?.abandon();
        reject(error);
      };
    });
    this.failed.catch(() => {});
  }

  /** Runs until `stop`, then resolves; rejects with what failed. Whatever happens the connection is closed, and the sink too. */
  async run(): Promise<void> {
    const { settings, sink } = this.options;
    const { config, slot, publication } = settings;
    let hasOpened = false;
    try {
      this.stream = await ReplicationStream.start(
        { config, slot, publication },
        {
          message: (bytes, lsn) => this.guard(() => this.receive(bytes, lsn)),
          keepalive: (lsn, mustReply) => this.guard(() => this.keepalive(lsn, mustReply)),
          failed: (error) => this.fail(error),
        },
      );
      // Now the slot is ours, and nobody else moves it.
      this.feedback = new Feedback(await this.confirmedLsn());
      this.startReplies();
      const source = this.describe();
      hasOpened = true;
      this.stored = this.usable(await this.orFailure(sink.open(source)), source);
      this.catalog.recall((await this.orFailure(sink.recallRelations?.() ?? Promise.resolve([]))) ?? []);
      await this.orFailure(this.catalog.load(publication));
      this.assemble(source);
      this.options.handlers.streaming(source);
      const { early } = this;
      this.early = [];
      this.guard(() => {
        for (const { bytes, lsn } of early) this.decoder.push(bytes, lsn);
      });
      this.open('opening');
      if (this.isStopping) this.writer.finish();
      const writing = this.writer.run();
      await Promise.race([this.failed, writing]).finally(() => {
        this.writer.abandon();
        // The sink is called again only after the call under way has ended.
        return writing.catch(() => {});
      });
      if (this.failure !== null) throw this.failure;
      this.isOver = true;
      this.acknowledge();
      await this.stream.close();
    } finally {
      this.isOver = true;
      clearInterval(this.replyTimer);
      await this.stream?.destroy();
      if (hasOpened) await sink.close().catch((error: unknown) => this.note(error));
    }
  }

  /** Ends it in order: nothing more is read, what is whole is stored and acknowledged. */
  stop(): void {
    this.isStopping = true;
    if (this.stream !== undefined && !this.isPaused) this.stream.pause();
    this.isPaused = true;
    this.writer?.finish();
  }

  /** Changes that wait for the sink. */
  get queuedChanges(): number {
    return this.queue.changes;
  }

  private note(error: unknown): void {
    const { logger } = this.options.settings;
    logger.warn({ error }, 'the sink did not close');
  }

  private async orFailure<T>(work: Promise<T>): Promise<T> {
    // The call is waited for even where the connection fails meanwhile, so that no other is made beside it.
    const result = await work;
    if (this.failure !== null) throw this.failure;
    return result;
  }

  private describe(): SourceDescription {
    const { settings } = this.options;
    const { systemIdentifier, timeline, database } = this.stream.identity;
    const { slot, environment } = settings;
    return { name: settings.name ?? database, environment, database, systemIdentifier, timeline, slot };
  }

  private async confirmedLsn(): Promise<Lsn> {
    const rows = await this.options.client.query(
      "SELECT confirmed_flush_lsn - '0/0'::pg_lsn AS lsn FROM pg_catalog.pg_replication_slots WHERE slot_name = $1",
      [this.options.settings.slot],
    );
    return BigInt(String(rows[0]?.lsn ?? 0)) as Lsn;
  }

  /** The position that transactions may be skipped by: LSNs mean nothing on another timeline. */
  private usable(position: StoredPosition | null, source: SourceDescription): StoredPosition | null {
    if (position !== null && position.systemIdentifier !== source.systemIdentifier) {
      throw new ColophonError(
        'SOURCE_CHANGED',
        `The sink holds records of system ${position.systemIdentifier}, the source is system ${source.systemIdentifier}. Give this source a name of its own, or another store.`,
        { details: { stored: position.systemIdentifier, source: source.systemIdentifier } },
      );
    }
    const known = position ?? this.options.remembered;
    return known?.systemIdentifier === source.systemIdentifier && known.timeline === source.timeline
      ? known
      : null;
  }

  private assemble(source: SourceDescription): void {
    const { settings, sink, handlers } = this.options;
    const { queue, catalog } = this;
    const limits = { maxChanges: settings.batchChanges, maxBytes: settings.batchBytes };
    this.assembler = new TransactionAssembler({
      systemIdentifier: source.systemIdentifier,
      timeline: source.timeline,
      maxPartChanges: PART_CHANGES,
      maxPartSize: PART_SIZE,
      onPart: (part, bytes) => {
        queue.push(part, bytes);
        if (queue.bytes >= settings.queueBytes) this.shut('full');
        this.writer.notify();
      },
    });
    this.writer = new SinkWriter({
      sink,
      queue,
      limits,
      gatherMs: settings.gatherMs,
      takeRemembered: () => catalog.takeRemembered(),
      onTaken: () => {
        if (queue.bytes <= settings.queueBytes / 2) this.open('full');
      },
      onStored: (position, flushed) => {
        this.stored = position;
        this.feedback.stored(position.endLsn);
        let at = 0;
        while (at < this.commits.length && this.commits[at]!.endLsn <= position.endLsn) at++;
        const committed = this.commits.splice(0, at).at(-1);
        handlers.stored(position, committed?.committedAtMicros ?? 0n, flushed);
        this.acknowledge();
      },
    });
    this.decoder = new StreamDecoder(
      catalog,
      {
        begin: (message) => this.begin(message),
        row: (row, lsn) => this.assembler.row(row, lsn),
        skipRow: () => this.assembler.skipRow(),
        message: (message) => this.message(message),
        commit: (message) => this.commit(message),
      },
      () => this.shut('hold'),
      (error) => (error === undefined ? this.open('hold') : this.fail(error)),
    );
  }

  private receive(bytes: Buffer, lsn: Lsn): void {
    this.lastHeardAtMs = performance.now();
    // Between the start of the stream and the sink's being open: the socket is paused, its buffer stays.
    if (this.decoder === undefined) this.early.push({ bytes, lsn });
    else this.decoder.push(bytes, lsn);
  }

  private begin(message: BeginMessage): boolean {
    this.feedback.begin();
    if (this.isStored(message.commitLsn)) return false;
    this.assembler.begin(message);
    return true;
  }

  private isStored(commitLsn: Lsn): boolean {
    return this.stored !== null && commitLsn < this.stored.endLsn;
  }

  private message(message: LogicalMessage): void {
    if (!this.assembler.isOpen) return;
    const emission = this.emissions.read(message);
    if (emission !== null) this.assembler.emission(emission);
  }

  private commit(message: CommitMessage): void {
    const { endLsn, committedAtMicros } = message;
    this.options.handlers.received(endLsn);
    if (!this.assembler.isOpen) {
      this.feedback.commit(endLsn, false);
      this.settle();
      return;
    }
    const { changes, markers } = this.assembler.commit(message);
    for (const token of markers) this.markers.push({ token, endLsn });
    this.feedback.commit(endLsn, changes > 0);
    if (changes > 0) this.commits.push({ endLsn, committedAtMicros });
    else this.settle();
  }

  private keepalive(lsn: Lsn, mustReply: boolean): void {
    this.lastHeardAtMs = performance.now();
    // Held messages come before it.
    if (this.feedback === undefined || this.decoder === undefined || this.decoder.isHolding) {
      if (mustReply) this.acknowledge(true);
      return;
    }
    this.feedback.keepalive(lsn);
    this.options.handlers.received(lsn);
    // A reply to each would make the server send the next at once, without end.
    if (mustReply) this.acknowledge(true);
    else this.settle();
  }

  /** Acknowledges where nothing waits any more; what the sink is to store is acknowledged when it is. */
  private settle(): void {
    if (this.feedback.isSettled && this.feedback.safe !== this.acknowledged) this.acknowledge();
  }

  private acknowledge(isAlive = false): void {
    if (this.feedback === undefined) return;
    const { safe } = this.feedback;
    if (isAlive || safe !== this.acknowledged) this.stream.acknowledge(safe);
    if (safe !== this.acknowledged) {
      this.acknowledged = safe;
      this.options.handlers.acknowledged(safe);
    }
    while (this.markers.length > 0 && this.markers[0]!.endLsn <= safe) {
      const { token, endLsn } = this.markers.shift()!;
      this.options.handlers.marker(token, endLsn);
    }
  }

  /** Tells the server in good time that we live, also while the socket is paused; and finds out whether it does. */
  private startReplies(): void {
    const { senderTimeoutMs } = this.stream;
    const { silenceTimeoutMs } = this.options;
    const interval = Math.min(
      MAX_REPLY_INTERVAL_MS,
      silenceTimeoutMs / 4,
      senderTimeoutMs === 0 ? MAX_REPLY_INTERVAL_MS : senderTimeoutMs / 4,
    );
    this.lastHeardAtMs = performance.now();
    this.replyTimer = setInterval(
      () => {
        if (this.isOver) return;
        if (this.isPaused || this.closed.size > 0) this.lastHeardAtMs = performance.now();
        const silentMs = performance.now() - this.lastHeardAtMs;
        if (silentMs > silenceTimeoutMs) {
          this.fail(
            new ColophonError(
              'CONNECTION_LOST',
              `The source has been silent for ${Math.round(silentMs)} ms, wanted a word every ${silenceTimeoutMs} ms. Connecting again.`,
              { retryable: true, details: { silence: true } },
            ),
          );
          return;
        }
        this.stream.acknowledge(this.feedback.safe, silentMs > interval);
      },
      Math.max(MIN_REPLY_INTERVAL_MS, interval),
    );
  }

  private shut(reason: Closing): void {
    this.closed.add(reason);
    if (this.isPaused) return;
    this.isPaused = true;
    this.stream.pause();
  }

  private open(reason: Closing): void {
    this.closed.delete(reason);
    if (this.closed.size > 0 || this.isStopping || this.isOver || !this.isPaused) return;
    this.isPaused = false;
    this.lastHeardAtMs = performance.now();
    this.stream.resume();
  }

  /** Runs inside the socket's event, where an error would end the process. */
  private guard(work: () => void): void {
    if (this.isOver) return;
    try {
      work();
    } catch (error) {
      this.fail(error);
    }
  }
}
