import { createHash } from 'node:crypto';

/** Longest `primary_key` in bytes: an entry of a btree index holds 2,704, and the table's name must fit in too. */
const MAX_PRIMARY_KEY_BYTES = 2000;

const HASH_CHARACTERS = 64;
const MAX_BYTES_A_UNIT = 3;

/**
 * The key's text as it is stored. Over 2,000 bytes it is cut and ends with `…` and the SHA-256 of the whole, since no
 * index could hold it; the column `key` has it whole.
 */
export function storedPrimaryKey(text: string): string {
  if (text.length * MAX_BYTES_A_UNIT <= MAX_PRIMARY_KEY_BYTES) return text;
  if (Buffer.byteLength(text) <= MAX_PRIMARY_KEY_BYTES) return text;
  const hash = createHash('sha256').update(text).digest('hex');
  const room = MAX_PRIMARY_KEY_BYTES - HASH_CHARACTERS - MAX_BYTES_A_UNIT;
  // Decoding replaces a character that was cut in two by U+FFFD, of three bytes at most.
  const head = Buffer.from(text)
    .subarray(0, room)
    .toString('utf8')
    .replace(/\ufffd+$/, '');
  return `${head}…${hash}`;
}
