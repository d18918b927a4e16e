import type { JsonText } from '@colophon/protocol';
import { asciiText, utf8Text } from './bytes.js';

const INITIAL_BYTES = 16_384;
/** A larger row's room is given back after it: one huge row shouldn't cost memory for ever. */
const MAX_KEPT_BYTES = 2 ** 20;
/** Up to here a loop is faster than a call into the runtime. */
const MAX_LOOP_BYTES = 64;
/** UTF-16 units to UTF-8: three bytes at most. */
const MAX_BYTES_A_UNIT = 3;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const FIRST_NON_ASCII = 0x80;

/**
 * JSON under construction, as bytes: what the wire has as bytes and JSON wants as the same bytes never becomes a string of its own.
 * A row is then one flat string. (Joined from strings of its columns it was a tree of them, and a third of the consumer's
 * time went to collecting those.)
 */
export class JsonWriter {
  private buffer: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  private at = 0;
  private isAscii = true;

  /** Whether nothing was written yet. */
  get isEmpty(): boolean {
    return this.at === 0;
  }

  /** One byte of ASCII. */
  byte(value: number): void {
    this.reserve(1);
    this.buffer[this.at++] = value;
  }

  /** Bytes that are ASCII, as they are. */
  ascii(source: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    this.copy(source, start, end);
  }

  /** JSON's own bytes in UTF-8, from `start` on. */
  label(source: Uint8Array, start: number): void {
    this.reserve(source.length - start);
    let high = 0;
    for (let i = start; i < source.length; i++) high |= this.buffer[this.at++] = source[i]!;
    if (high >= FIRST_NON_ASCII) this.isAscii = false;
  }

  /** Bytes that are ASCII and need no escape, as a string. */
  plainString(source: Uint8Array, start: number, end: number): void {
    this.reserve(end - start + 2);
    this.buffer[this.at++] = QUOTE;
    this.copy(source, start, end);
    this.buffer[this.at++] = QUOTE;
  }

  /** UTF-8 as a string, where that needs no escape; false, and nothing written, where it does. */
  string(source: Uint8Array, start: number, end: number): boolean {
    this.reserve(end - start + 2);
    const { buffer } = this;
    let at = this.at;
    let high = 0;
    buffer[at++] = QUOTE;
    for (let i = start; i < end; i++) {
      const byte = source[i]!;
      if (byte < SPACE || byte === QUOTE || byte === BACKSLASH) return false;
      high |= byte;
      buffer[at++] = byte;
    }
    buffer[at++] = QUOTE;
    if (high >= FIRST_NON_ASCII) this.isAscii = false;
    this.at = at;
    return true;
  }

  /** Any text. */
  text(text: string): void {
    // Room for the worst where that is little; counted where it would be much.
    const isShort = text.length * MAX_BYTES_A_UNIT <= INITIAL_BYTES;
    this.reserve(isShort ? text.length * MAX_BYTES_A_UNIT : Buffer.byteLength(text));
    const bytes = this.buffer.write(text, this.at, 'utf8');
    if (bytes !== text.length) this.isAscii = false;
    this.at += bytes;
  }

  /** All that was written, and begins anew. */
  take(): JsonText {
    const { buffer, at } = this;
    const text = this.isAscii ? asciiText(buffer, 0, at) : utf8Text(buffer, 0, at);
    this.at = 0;
    this.isAscii = true;
    if (buffer.length > MAX_KEPT_BYTES) this.buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
    return text;
  }

  /** Forgets what was written. */
  clear(): void {
    this.at = 0;
    this.isAscii = true;
  }

  private copy(source: Uint8Array, start: number, end: number): void {
    const { buffer } = this;
    let at = this.at;
    if (end - start > MAX_LOOP_BYTES) {
      buffer.set(source.subarray(start, end), at);
      at += end - start;
    } else {
      for (let i = start; i < end; i++) buffer[at++] = source[i]!;
    }
    this.at = at;
  }

  private reserve(bytes: number): void {
    const wanted = this.at + bytes;
    if (wanted <= this.buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(wanted, this.buffer.length * 2));
    grown.set(this.buffer.subarray(0, this.at));
    this.buffer = grown;
  }
}
