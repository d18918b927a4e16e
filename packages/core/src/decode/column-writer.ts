import { utf8Text } from './bytes.js';
import { jsonString } from './json-string.js';
import { booleanJson, type Converter, integerJson, numberJson } from './json-value.js';
import type { JsonWriter } from './json-writer.js';
import { timestampJson, timestamptzJson } from './timestamp-value.js';
import { TYPE } from './type-oid.js';

/** Writes the JSON of a value whose text, as PostgreSQL sent it, lies in `buffer` from `start` to `end`. */
export type ColumnWriter = (out: JsonWriter, buffer: Buffer, start: number, end: number) => void;

/** Types whose text is ASCII without anything that JSON escapes. */
const PLAIN: ReadonlySet<number> = new Set([TYPE.uuid, TYPE.date, TYPE.time, TYPE.timetz, TYPE.oid]);

const UPPER_I = 0x49;
const UPPER_N = 0x4e;
const MINUS = 0x2d;
const SPACE = 0x20;
const PLUS = 0x2b;
const ZERO = 0x30;
const NINE = 0x39;
const LOWER_T = 0x74;

/** `2024-01-31 09:00:00`: where the space stands in a year of four digits. */
const DATE_LENGTH = 10;
const QUOTE_BYTE = 0x22;
const T_BYTE = 0x54;
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const END_OF_OFFSET = Buffer.from(':00"');

/** The writer of a column of this type: the same JSON as the converter's, without a string in between where bytes will do. */
export function columnWriterOf(typeOid: number, convert: Converter): ColumnWriter {
  if (PLAIN.has(typeOid)) return (out, buffer, start, end) => out.plainString(buffer, start, end);
  switch (convert) {
    case integerJson:
      return (out, buffer, start, end) => out.ascii(buffer, start, end);
    case numberJson:
      return writeNumber;
    case booleanJson:
      return writeBoolean;
    case timestampJson:
      return writeTimestamp;
    case timestamptzJson:
      return writeTimestamptz;
    case jsonString:
      return writeText;
    default:
      return (out, buffer, start, end) => out.text(convert(utf8Text(buffer, start, end)));
  }
}

function writeText(out: JsonWriter, buffer: Buffer, start: number, end: number): void {
  if (!out.string(buffer, start, end)) out.text(jsonString(utf8Text(buffer, start, end)));
}

/** NaN and the infinities are strings. */
function writeNumber(out: JsonWriter, buffer: Buffer, start: number, end: number): void {
  const first = buffer[start] === MINUS ? buffer[start + 1] : buffer[start];
  if (first === UPPER_N || first === UPPER_I) out.plainString(buffer, start, end);
  else out.ascii(buffer, start, end);
}

function writeBoolean(out: JsonWriter, buffer: Buffer, start: number): void {
  const word = buffer[start] === LOWER_T ? TRUE : FALSE;
  out.ascii(word, 0, word.length);
}

function writeTimestamp(out: JsonWriter, buffer: Buffer, start: number, end: number): void {
  if (isUsual(buffer, start, end)) {
    writeDateAndTime(out, buffer, start, end);
    out.byte(QUOTE_BYTE);
  } else {
    out.text(timestampJson(utf8Text(buffer, start, end)));
  }
}

function writeTimestamptz(out: JsonWriter, buffer: Buffer, start: number, end: number): void {
  const isUtc = buffer[end - 3] === PLUS && buffer[end - 2] === ZERO && buffer[end - 1] === ZERO;
  if (isUtc && isUsual(buffer, start, end)) {
    writeDateAndTime(out, buffer, start, end);
    out.ascii(END_OF_OFFSET, 0, END_OF_OFFSET.length);
  } else {
    out.text(timestamptzJson(utf8Text(buffer, start, end)));
  }
}

/** Neither infinite, nor BC, nor beyond the year 9999. */
function isUsual(buffer: Buffer, start: number, end: number): boolean {
  const last = buffer[end - 1]!;
  return end - start > DATE_LENGTH && buffer[start + DATE_LENGTH] === SPACE && last >= ZERO && last <= NINE;
}

function writeDateAndTime(out: JsonWriter, buffer: Buffer, start: number, end: number): void {
  out.byte(QUOTE_BYTE);
  out.ascii(buffer, start, start + DATE_LENGTH);
  out.byte(T_BYTE);
  out.ascii(buffer, start + DATE_LENGTH + 1, end);
}
