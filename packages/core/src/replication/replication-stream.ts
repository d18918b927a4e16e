import { formatLsn, INVALID_LSN, type Lsn, parseLsn, quoteIdentifier } from '@colophon/protocol';
import type { Client, ClientConfig } from 'pg';
import { LogicalReplicationService } from 'pg-logical-replication';
import { describeSource } from './connection-config.js';
import { type SourceNames, sourceError } from './source-error.js';
import { parseTimelineHistory, type TimelineEnd } from './timeline-history.js';

/** What `IDENTIFY_SYSTEM` says on the connection that streams, so that it can't be another server's. */
export interface SystemIdentity {
  readonly systemIdentifier: string;
  readonly timeline: number;
  readonly database: string;
  /** How far its log reached just before the stream began. */
  readonly writtenLsn: Lsn;
  /** The timelines that its own comes from; empty where there are none, or the server has forgotten them. */
  readonly history: readonly TimelineEnd[];
}

/** Who is told what arrives. All are called synchronously, as it is received; none may throw. */
export interface StreamHandlers {
  /** One message of pgoutput. The bytes are good only until the socket delivers more: decode at once, or pause. */
  message(bytes: Buffer, lsn: Lsn): void;
  /** The source has decoded up to `lsn`; `mustReply`: it will cut the connection unless it hears from us soon. */
  keepalive(lsn: Lsn, mustReply: boolean): void;
  /** The connection is gone. Called once; never after `close`. */
  failed(error: Error): void;
}

/** What to stream. */
export interface StreamRequest {
  readonly config: ClientConfig;
  readonly slot: string;
  readonly publication: string;
}

// Milliseconds that a server is given to answer the end of the stream, before the socket is cut.
const CLOSE_GRACE_MS = 2_000;

/**
 * One replication connection: started, read, acknowledged, closed, and never used again (the library's service object
 * would start its next subscription behind what was received, stored or not).
 * @see https://www.postgresql.org/docs/current/protocol-replication.html
 */
export class ReplicationStream {
  /** Of the connection that streams. */
  readonly identity: SystemIdentity;
  /** How long the server waits for word from us, in milliseconds; 0 for ever. */
  readonly senderTimeoutMs: number;
  private readonly link: Link;

  private constructor(link: Link, identity: SystemIdentity, senderTimeoutMs: number) {
    this.link = link;
    this.identity = identity;
    this.senderTimeoutMs = senderTimeoutMs;
  }

  /** Connects and takes the slot. Rejects with a `ColophonError`; the slot in use is `SLOT_IN_USE`. Starts paused. */
  static async start(request: StreamRequest, handlers: StreamHandlers): Promise<ReplicationStream> {
    const link = new Link(request, handlers);
    const { identity, senderTimeoutMs } = await link.start();
    return new ReplicationStream(link, identity, senderTimeoutMs);
  }

  /** Tells the source that every transaction whose commit record starts below `safe` is stored. Also the sign of life. */
  acknowledge(safe: Lsn, wantsReply = false): void {
    this.link.acknowledge(safe, wantsReply);
  }

  /** Stops reading; what was received already still comes. */
  pause(): void {
    this.link.socket?.pause();
  }

  /** Reads on. */
  resume(): void {
    this.link.socket?.resume();
  }

  /** Bytes received so far, also of a message that isn't whole yet. */
  get bytesRead(): number {
    return this.link.socket?.bytesRead ?? 0;
  }

  /** Ends the stream in order, so that what was acknowledged last is heard; cuts it where the server doesn't answer. */
  close(): Promise<void> {
    return this.link.close();
  }

  /** Ends it at once. */
  destroy(): Promise<void> {
    return this.link.destroy();
  }
}

interface Socket {
  readonly bytesRead: number;
  pause(): void;
  resume(): void;
  destroy(): void;
}
type InnerConnection = {
  stream: Socket;
  endCopyFrom(): void;
  once(event: 'replicationStart', f: () => void): void;
};

/** The library, with its defaults that lose data switched off, and its two ways of failing made one. */
class Link {
  private readonly request: StreamRequest;
  private readonly handlers: StreamHandlers;
  private readonly names: SourceNames;
  private readonly service: LogicalReplicationService;
  private connection: InnerConnection | null = null;
  private step: 'connect' | 'start' | 'stream' = 'connect';
  private isClosed = false;
  private subscription: Promise<unknown> = Promise.resolve();
  private highText = '';
  private high = 0n;

  constructor(request: StreamRequest, handlers: StreamHandlers) {
    this.request = request;
    this.handlers = handlers;
    const { slot, publication } = request;
    const { user: role } = request.config;
    this.names = { source: describeSource(request.config), role, slot, publication };
    // By itself the library acknowledges what was received, and one byte too much.
    this.service = new LogicalReplicationService(request.config, {
      acknowledge: { auto: false, timeoutSeconds: 0 },
    });
  }

  get socket(): Socket | null {
    return this.connection?.stream ?? null;
  }

  async start(): Promise<{ identity: SystemIdentity; senderTimeoutMs: number }> {
    const { service, request } = this;
    return new Promise((resolve, reject) => {
      let facts: { identity: SystemIdentity; senderTimeoutMs: number } | undefined;
      const fail = (error: unknown) => {
        if (this.isClosed) return;
        this.isClosed = true;
        const failure = sourceError(error, this.step, this.names);
        const isStreaming = this.step === 'stream';
        void this.destroy();
        if (isStreaming) this.handlers.failed(failure);
        else reject(failure);
      };
      service.on('error', fail);
      service.on('start', () => {
        this.step = 'stream';
        this.socket?.pause();
        resolve(facts!);
      });
      service.on('data', (text: string, bytes: Buffer) => {
        if (!this.isClosed) this.handlers.message(bytes, this.parseLsn(text));
      });
      service.on('heartbeat', (text: string, _time: number, mustReply: boolean) => {
        if (!this.isClosed) this.handlers.keepalive(this.parseLsn(text), mustReply);
      });
      const plugin = new RawPlugin(async (client) => {
        this.connection = (client as unknown as { connection: InnerConnection }).connection;
        this.step = 'start';
        facts = await this.identify(client);
        return client.query(startCommand(request));
      });
      this.subscription = service
        .subscribe(plugin, request.slot)
        .then(() => fail(new Error('the server ended the stream')), fail);
    });
  }

  private async identify(client: Client): Promise<{ identity: SystemIdentity; senderTimeoutMs: number }> {
    const system = (await client.query('IDENTIFY_SYSTEM')).rows[0];
    const timeout = (await client.query('SHOW wal_sender_timeout')).rows[0];
    const timeline = Number(system.timeline);
    return {
      identity: {
        systemIdentifier: String(system.systemid),
        timeline,
        database: String(system.dbname),
        writtenLsn: parseLsn(String(system.xlogpos)),
        history: timeline === 1 ? [] : await readHistory(client, timeline),
      },
      senderTimeoutMs: durationMs(String(timeout.wal_sender_timeout)),
    };
  }

  acknowledge(safe: Lsn, wantsReply: boolean): void {
    // 0/0 would move the slot of an old minor version back to the start.
    if (this.isClosed || this.step !== 'stream' || safe === INVALID_LSN) return;
    // The library adds one to whatever it is given.
    void this.service.acknowledge(formatLsn((safe - 1n) as Lsn), wantsReply);
  }

  async close(): Promise<void> {
    if (this.isClosed) return this.destroy();
    this.isClosed = true;
    if (this.connection !== null && this.step === 'stream') {
      this.connection.endCopyFrom();
      // What still comes is read and dropped: unread bytes would make the system reset the connection.
      this.socket?.resume();
      let timer: NodeJS.Timeout | undefined;
      const grace = new Promise((resolve) => {
        timer = setTimeout(resolve, CLOSE_GRACE_MS);
      });
      await Promise.race([this.subscription.catch(() => {}), grace]);
      clearTimeout(timer);
    }
    return this.destroy();
  }

  async destroy(): Promise<void> {
    this.isClosed = true;
    const socket = this.socket;
    const ended = this.service.stop().catch(() => {});
    socket?.resume();
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        socket?.destroy();
        resolve();
      }, CLOSE_GRACE_MS);
    });
    await Promise.race([ended, grace]);
    clearTimeout(timer);
  }

  /** The upper half of an LSN hardly ever changes. */
  private parseLsn(text: string): Lsn {
    const slash = text.indexOf('/');
    const high = text.slice(0, slash);
    if (high !== this.highText) {
      this.highText = high;
      this.high = BigInt(Number.parseInt(high, 16)) << 32n;
    }
    return (this.high | BigInt(Number.parseInt(text.slice(slash + 1), 16))) as Lsn;
  }
}

/** The file's text is sent as it is, whatever type the server gives it: node-postgres would unescape a bytea. */
async function readHistory(client: Client, timeline: number): Promise<TimelineEnd[]> {
  const types = { getTypeParser: () => (value: string) => value };
  try {
    const { rows } = await client.query({ text: `TIMELINE_HISTORY ${timeline}`, types } as never);
    return parseTimelineHistory(String((rows[0] as { content: string }).content));
  } catch (error) {
    // The file is gone: a question without an answer. A connection that is lost says so with the next command.
    if (error instanceof Error && 'severity' in error) return [];
    throw error;
  }
}

/** Hands the bytes on as they are; the library's own parsers lose digits and microseconds. */
class RawPlugin {
  readonly options: Record<string, never> = {};
  readonly name = 'pgoutput';
  readonly start: (client: Client) => Promise<unknown>;

  constructor(start: (client: Client) => Promise<unknown>) {
    this.start = start;
  }

  parse(bytes: Buffer): Buffer {
    return bytes;
  }
}

/**
 * The options are frozen: a change's ordinal depends on `messages` and on the publication's name, and streaming or
 * two-phase would send what isn't committed. Position 0/0: the slot knows best; what is stored already we skip ourselves.
 */
function startCommand({ slot, publication }: StreamRequest): string {
  const list = quoteIdentifier(publication).replaceAll("'", "''");
  return `START_REPLICATION SLOT ${quoteIdentifier(slot)} LOGICAL 0/0 (proto_version '1', publication_names '${list}', messages 'true')`;
}

/** `wal_sender_timeout` as SHOW writes it: `0`, `500ms`, `1min`, … */
function durationMs(text: string): number {
  const units: Record<string, number> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 };
  const match = /^(\d+)\s*(ms|s|min|h|d)?$/.exec(text);
  return match === null ? 60_000 : Number(match[1]) * (units[match[2] ?? 'ms'] ?? 1);
}
