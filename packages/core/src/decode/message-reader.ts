import { ColophonError, type Lsn, lsn } from '@colophon/protocol';
import { int32At, utf8Text } from './bytes.js';
import { BINARY_COLUMN, NULL_COLUMN, TEXT_COLUMN, type Tuple, UNCHANGED_COLUMN } from './tuple.js';

// PostgreSQL counts time from 2000-01-01.
const EPOCH_MICROS = 946_684_800_000_000n;

/** Reads the fields of one pgoutput message in order. Every error has the code `PROTOCOL_VIOLATION` and no row data. */
export class MessageReader {
  readonly buffer: Buffer;
  private readonly name: string;
  private at = 1;

  /** `name` is the message's, for errors; `fixedBytes` the length it must have at least, tag included. */
  constructor(buffer: Buffer, name: string, fixedBytes: number) {
    this.buffer = buffer;
    this.name = name;
    if (buffer.length < fixedBytes) {
      throw violation(`${name} message must have ${fixedBytes} bytes, got ${buffer.length}`);
    }
  }

  uint8(): number {
    return this.buffer[this.take(1)]!;
  }

  uint16(): number {
    const at = this.take(2);
    return (this.buffer[at]! << 8) | this.buffer[at + 1]!;
  }

  int32(): number {
    return int32At(this.buffer, this.take(4));
  }

  uint32(): number {
    return this.int32() >>> 0;
  }

  lsn(): Lsn {
    return lsn(this.buffer.readBigUInt64BE(this.take(8)));
  }

  /** Microseconds since 1970-01-01 UTC. */
  timestamp(): bigint {
    return this.buffer.readBigInt64BE(this.take(8)) + EPOCH_MICROS;
  }

  /** Text up to a zero byte. */
  string(): string {
    const start = this.at;
    const end = this.buffer.indexOf(0, start);
    if (end < 0) throw violation(`${this.name} message ends inside a string that began at byte ${start}`);
    this.at = end + 1;
    return utf8Text(this.buffer, start, end);
  }

  bytes(length: number): Buffer {
    const start = this.take(length);
    return this.buffer.subarray(start, start + length);
  }

  /** Steps over a row and checks that it is whole, so that decoding it needs no more checks. */
  tuple(): Tuple {
    const { buffer } = this;
    const columnCount = this.uint16();
    const start = this.at;
    let at = start;
    for (let column = 0; column < columnCount; column++) {
      const kind = buffer[at++];
      if (kind === TEXT_COLUMN) {
        const length = int32At(buffer, at);
        if (length < 0) throw violation(`${this.name} message has a column of ${length} bytes`);
        at += 4 + length;
      } else if (kind === BINARY_COLUMN) {
        throw violation(
          `${this.name} message has a binary column, wanted text. Start replication without the option binary`,
        );
      } else if (kind !== NULL_COLUMN && kind !== UNCHANGED_COLUMN && at <= buffer.length) {
        throw violation(
          `${this.name} message has a column of kind ${kind} at byte ${at - 1}, wanted n, u or t`,
        );
      }
      if (at > buffer.length) {
        throw violation(
          `${this.name} message must have at least ${at} bytes for column ${column + 1} of ${columnCount}, got ${buffer.length}`,
        );
      }
    }
    this.at = at;
    return { buffer, start, end: at, columnCount };
  }

  /** Nothing may follow. */
  end(): void {
    if (this.at !== this.buffer.length) {
      throw violation(`${this.name} message must have ${this.at} bytes, got ${this.buffer.length}`);
    }
  }

  private take(bytes: number): number {
    const at = this.at;
    const next = at + bytes;
    if (next > this.buffer.length) {
      throw violation(`${this.name} message must have at least ${next} bytes, got ${this.buffer.length}`);
    }
    this.at = next;
    return at;
  }
}

/** The server said something that isn't the protocol we asked for. */
export function violation(what: string): ColophonError {
  return new ColophonError('PROTOCOL_VIOLATION', `Cannot read the replication stream: ${what}.`);
}
