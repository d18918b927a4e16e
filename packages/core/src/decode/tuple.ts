/**
 * A row as it came, undecoded: a view on the message's buffer. Good only as long as those bytes stay:
 * a driver that reuses its receive buffer must be given a copy to parse.
 */
export interface Tuple {
  readonly buffer: Buffer;
  /** Offset of the first column's kind. */
  readonly start: number;
  /** Offset behind the last column. */
  readonly end: number;
  readonly columnCount: number;
}

/** The byte before a column: null; unchanged TOAST, not carried; text; binary. */
export const NULL_COLUMN = 0x6e;
export const UNCHANGED_COLUMN = 0x75;
export const TEXT_COLUMN = 0x74;
export const BINARY_COLUMN = 0x62;
