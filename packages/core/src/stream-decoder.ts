import { ColophonError, type Lsn } from '@colophon/protocol';
import type {
  BeginMessage,
  CommitMessage,
  DeleteMessage,
  InsertMessage,
  LogicalMessage,
  PgoutputMessage,
  RelationMessage,
  TruncateMessage,
  UpdateMessage,
} from './decode/message.js';
import { parseMessage } from './decode/parse-message.js';
import type { DecodedRow, RowDecoder } from './decode/row-decoder.js';
import type { SourceCatalog } from './decode/source-catalog.js';

/** Who takes what was decoded, in the order of the stream. */
export interface DecodedHandlers {
  /** A transaction begins. False: its rows aren't wanted, since they are stored already. */
  begin(message: BeginMessage): boolean;
  row(row: DecodedRow, lsn: Lsn): void;
  /** A row of Colophon's own schema. */
  skipRow(): void;
  /** An update of nothing but ignored columns. */
  ignoreRow(): void;
  message(message: LogicalMessage): void;
  commit(message: CommitMessage): void;
}

/** The schema whose rows are never audited: auditing them would write more of them, without end. */
const OWN_SCHEMA = 'colophon';

interface Held {
  readonly bytes: Buffer;
  readonly lsn: Lsn;
}

/**
 * Turns the bytes of the stream into rows, at once where everything about their tables is known. Where the catalog must
 * be asked, what comes meanwhile is held: the stream has to be paused as long as `isHolding`, since held bytes are views
 * on the socket's buffer.
 */
export class StreamDecoder {
  private readonly catalog: SourceCatalog;
  private readonly handlers: DecodedHandlers;
  private readonly onHold: () => void;
  private readonly onRelease: (error?: unknown) => void;
  private held: Held[] = [];
  private hold: Promise<void> | null = null;
  private xid = 0;
  private isWanted = true;

  /** `onRelease` is called when a hold is over: with the error where it failed. */
  constructor(
    catalog: SourceCatalog,
    handlers: DecodedHandlers,
    onHold: () => void,
    onRelease: (error?: unknown) => void,
  ) {
    this.catalog = catalog;
    this.handlers = handlers;
    this.onHold = onHold;
    this.onRelease = onRelease;
  }

  /** Whether messages wait for the catalog. */
  get isHolding(): boolean {
    return this.hold !== null;
  }

  /** One message, as it was received. Throws what parsing and decoding throw. */
  push(bytes: Buffer, lsn: Lsn): void {
    if (this.hold === null) this.take(bytes, lsn);
    else this.held.push({ bytes, lsn });
  }

  private take(bytes: Buffer, lsn: Lsn): void {
    const message = parseMessage(bytes);
    const wait = this.handle(message, lsn);
    if (wait === undefined) return;
    this.onHold();
    this.hold = wait.then(
      () => this.release(),
      (error) => this.onRelease(error),
    );
  }

  private release(): void {
    this.hold = null;
    const { held } = this;
    this.held = [];
    let at = 0;
    try {
      for (; at < held.length && this.hold === null; at++) this.take(held[at]!.bytes, held[at]!.lsn);
    } catch (error) {
      this.onRelease(error);
      return;
    }
    // What was held before a second hold comes before what arrives during it: nothing arrives while paused.
    this.held = held.slice(at);
    if (this.hold === null) this.onRelease();
  }

  private handle(message: PgoutputMessage, lsn: Lsn): Promise<unknown> | undefined {
    switch (message.tag) {
      case 'insert':
      case 'update':
      case 'delete':
        return this.row(message, lsn);
      case 'begin':
        this.xid = message.xid;
        this.isWanted = this.handlers.begin(message);
        return undefined;
      case 'commit':
        this.handlers.commit(message);
        this.isWanted = true;
        return undefined;
      case 'message':
        if (this.isWanted || !message.transactional) this.handlers.message(message);
        return undefined;
      case 'relation':
        return this.relation(message);
      case 'truncate':
        return this.truncate(message, lsn);
      default:
        return undefined;
    }
  }

  private relation(message: RelationMessage): Promise<unknown> | undefined {
    const decoder = this.catalog.ensure(message, this.xid);
    return decoder instanceof Promise ? decoder : undefined;
  }

  private row(
    message: InsertMessage | UpdateMessage | DeleteMessage,
    lsn: Lsn,
  ): Promise<unknown> | undefined {
    if (!this.isWanted) return undefined;
    const decoder = this.decoder(message.relationOid);
    if (decoder.message.schema === OWN_SCHEMA) {
      this.handlers.skipRow();
    } else if (this.catalog.needsRefresh(decoder, this.xid)) {
      return this.catalog.refresh().then(() => this.give(decoder, message, lsn));
    } else {
      this.give(decoder, message, lsn);
    }
    return undefined;
  }

  private give(decoder: RowDecoder, message: InsertMessage | UpdateMessage | DeleteMessage, lsn: Lsn): void {
    if (decoder.ignores(message)) this.handlers.ignoreRow();
    else this.handlers.row(decoder.decode(message), lsn);
  }

  private truncate(message: TruncateMessage, lsn: Lsn): Promise<unknown> | undefined {
    if (!this.isWanted) return undefined;
    const decoders = message.relationOids.map((oid) => this.decoder(oid));
    const give = () => {
      for (const decoder of decoders) {
        if (decoder.message.schema === OWN_SCHEMA) this.handlers.skipRow();
        else this.handlers.row(decoder.decode(message), lsn);
      }
    };
    if (decoders.some((decoder) => this.catalog.needsRefresh(decoder, this.xid))) {
      return this.catalog.refresh().then(give);
    }
    give();
    return undefined;
  }

  private decoder(oid: number): RowDecoder {
    const decoder = this.catalog.decoderOf(oid);
    if (decoder !== undefined) return decoder;
    throw new ColophonError(
      'PROTOCOL_VIOLATION',
      `Cannot read the replication stream: a row of table ${oid} came before its description.`,
    );
  }
}
