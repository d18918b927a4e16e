import { NULL_COLUMN, TEXT_COLUMN, type Tuple } from '../decode/tuple.js';

const TAB = 0x09;
const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;
const UPPER_N = 0x4e;
/** What a column takes besides its bytes: its kind and its length. */
const HEAD_BYTES = 5;

// The letters that COPY TO writes behind a backslash; every other character stands for itself.
const UNESCAPED = new Map<number, number>(
  [...'bfnrtv'].map((letter, index) => [letter.charCodeAt(0), [8, 12, 10, 13, 9, 11][index]!]),
);

/**
 * The rows of a `COPY … TO STDOUT` in the text format, each as the tuple that the replication stream would have sent for
 * it: so a copied row is decoded as a changed one is. A tuple is good until the next is asked for.
 * @see https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.2
 */
export class CopyRows {
  private readonly columnCount: number;
  private pending: Buffer[] = [];
  private scratch: Buffer = Buffer.allocUnsafe(4096);

  constructor(columnCount: number) {
    this.columnCount = columnCount;
  }

  /** The rows that end in these bytes; what is left over belongs to the next ones. */
  *push(bytes: Buffer): Generator<Tuple, void, undefined> {
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(NEWLINE, start);
      if (end < 0) break;
      let line = bytes.subarray(start, end);
      if (this.pending.length > 0) {
        line = Buffer.concat([...this.pending, line]);
        this.pending = [];
      }
      yield this.tuple(line);
      start = end + 1;
    }
    if (start < bytes.length) this.pending.push(bytes.subarray(start));
  }

  private tuple(line: Buffer): Tuple {
    const { columnCount } = this;
    const wanted = line.length + columnCount * HEAD_BYTES;
    if (this.scratch.length < wanted) this.scratch = Buffer.allocUnsafe(wanted);
    const out = this.scratch;
    let to = 0;
    let at = 0;
    for (let column = 0; column < columnCount; column++) {
      const found = line.indexOf(TAB, at);
      const end = found < 0 ? line.length : found;
      if (end - at === 2 && line[at] === BACKSLASH && line[at + 1] === UPPER_N) {
        out[to++] = NULL_COLUMN;
      } else {
        out[to] = TEXT_COLUMN;
        const written = writeValue(line, at, end, out, to + HEAD_BYTES);
        out.writeInt32BE(written, to + 1);
        to += HEAD_BYTES + written;
      }
      at = end + 1;
    }
    return { buffer: out, start: 0, end: to, columnCount };
  }
}

/** Copies a value without its escapes; says how many bytes it has. */
function writeValue(line: Buffer, start: number, end: number, out: Buffer, to: number): number {
  let at = start;
  let written = to;
  while (at < end) {
    const found = line.indexOf(BACKSLASH, at);
    const stop = found < 0 || found >= end ? end : found;
    line.copy(out, written, at, stop);
    written += stop - at;
    if (stop === end) break;
    const escaped = line[stop + 1]!;
    out[written++] = UNESCAPED.get(escaped) ?? escaped;
    at = stop + 2;
  }
  return written - to;
}
