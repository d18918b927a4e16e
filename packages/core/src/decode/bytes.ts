/** Node's own slicing methods: `toString` costs a look-up of the encoding each time, on the hottest path there is. */
interface SlicingBuffer {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
}

/** Big-endian 32 bits, signed, without the bounds check: the caller has done it for the whole. */
export function int32At(buffer: Buffer, at: number): number {
  return (buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!;
}

/** Text that is known to be ASCII. */
export function asciiText(buffer: Buffer, start: number, end: number): string {
  return (buffer as unknown as SlicingBuffer).latin1Slice(start, end);
}

/** Text in UTF-8. A byte that isn't UTF-8 (possible in a SQL_ASCII database) becomes U+FFFD. */
export function utf8Text(buffer: Buffer, start: number, end: number): string {
  return (buffer as unknown as SlicingBuffer).utf8Slice(start, end);
}
