import type pg from 'pg';

// https://www.postgresql.org/docs/current/protocol-message-formats.html
const QUERY = 0x51;
const COPY_DATA = 0x64;
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4]);
const HEADER_BYTES = 5;

/** The error of one of a pipeline's queries. */
export interface PipelineFailure {
  readonly error: unknown;
  /** Which of the pipeline's queries it was, counted from 0 at its first. */
  readonly query: number;
}

/**
 * Queries and COPY data sent over a node-postgres client without waiting for answers in between: a whole flush is one
 * turn on the wire. PostgreSQL reads the messages in order, and drops COPY data for which a failed query has no use, so
 * nothing has to wait for CopyInResponse either.
 *
 * A client sends one query and waits. This is that query: after each ReadyForQuery it submits itself again until all
 * that was sent is answered. After a failure the client is of no more use: end it.
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY
 */
export class Pipeline {
  readonly #client: pg.Client;
  #stream: NodeJS.WritableStream | undefined;
  #pending: Buffer[] = [];
  #pendingQueries = 0;
  #sent = 0;
  #answered = 0;
  #failure: PipelineFailure | undefined;
  #rows: (readonly (string | null)[])[] = [];
  #wakeUp: (() => void) | undefined;

  constructor(client: pg.Client) {
    this.#client = client;
    client.on('error', (error) => this.#fail(error));
    client.on('end', () => this.#fail(new Error('Connection terminated unexpectedly')));
  }

  /** Set once a query or the connection has failed. */
  get failure(): PipelineFailure | undefined {
    return this.#failure;
  }

  /** How many queries were queued so far: the next one's number. */
  get queries(): number {
    return this.#sent + this.#pendingQueries;
  }

  /** Queues one message of statements in the simple protocol. */
  query(sql: string): void {
    const message = messageOf(QUERY, sql, 1);
    message[message.length - 1] = 0;
    this.#pending.push(message);
    this.#pendingQueries++;
  }

  /** The same with the text in pieces, for one that no string could hold. */
  queryOf(pieces: readonly Buffer[]): void {
    const header = Buffer.alloc(HEADER_BYTES);
    header[0] = QUERY;
    header.writeUInt32BE(
      pieces.reduce((sum, piece) => sum + piece.length, 4 + 1),
      1,
    );
    this.#pending.push(header, ...pieces, Buffer.alloc(1));
    this.#pendingQueries++;
  }

  /** The rows that queries gave since it was last asked, but those whose first column is empty. */
  takeRows(): readonly (readonly (string | null)[])[] {
    const rows = this.#rows;
    this.#rows = [];
    return rows;
  }

  /** Queues rows in the text format of COPY for the COPY that the last query began. */
  copyData(rows: string): void {
    if (rows !== '') this.#pending.push(messageOf(COPY_DATA, rows, 0));
  }

  /** Queues the end of the rows. */
  copyDone(): void {
    this.#pending.push(COPY_DONE);
  }

  /** Sends what is queued; resolves when the socket wants more. */
  async send(): Promise<void> {
    this.#check();
    if (this.#sent === this.#answered && this.#pendingQueries > 0) this.#submitSelf();
    this.#sent += this.#pendingQueries;
    this.#pendingQueries = 0;
    const stream = this.#stream as import('node:stream').Writable;
    const messages = this.#pending;
    this.#pending = [];
    stream.cork();
    for (const message of messages) stream.write(message);
    stream.uncork();
    while (stream.writableNeedDrain) {
      await this.#woken();
      this.#check();
    }
  }

  /** Sends what is queued; resolves when every query is answered. */
  async finish(): Promise<void> {
    await this.send();
    while (this.#answered < this.#sent) {
      await this.#woken();
      this.#check();
    }
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeUp = resolve;
    });
  }

  #wake(): void {
    const wakeUp = this.#wakeUp;
    this.#wakeUp = undefined;
    wakeUp?.();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error, query: this.#answered };
    this.#wake();
  }

  #submitSelf(): void {
    this.#client.query(this as unknown as pg.Submittable);
  }

  // From here on: what the client calls on its active query.

  submit(connection: pg.Connection): void {
    if (this.#stream !== undefined) return;
    this.#stream = connection.stream;
    connection.stream.on('drain', () => this.#wake());
  }

  handleError(error: unknown): void {
    this.#fail(error);
  }

  handleReadyForQuery(): void {
    this.#answered++;
    if (this.#failure === undefined && this.#answered < this.#sent) this.#submitSelf();
    this.#wake();
  }

  handleRowDescription(): void {}
  handleDataRow(row: { fields: (string | null)[] }): void {
    if (row.fields[0] !== '' && row.fields[0] !== null) this.#rows.push(row.fields);
  }
  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
  handleCopyInResponse(): void {}
  handleCopyData(): void {}
  handlePortalSuspended(): void {}
}

/** A message with room for `extra` bytes after the text. */
function messageOf(type: number, text: string, extra: number): Buffer {
  const bytes = Buffer.byteLength(text);
  const message = Buffer.allocUnsafe(HEADER_BYTES + bytes + extra);
  message[0] = type;
  message.writeUInt32BE(4 + bytes + extra, 1);
  message.write(text, HEADER_BYTES, 'utf8');
  return message;
}
