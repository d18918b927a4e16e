import { ColophonError } from './error.js';

declare const brand: unique symbol;

/**
 * A position in PostgreSQL's write-ahead log: 64 bits, unsigned, in bytes.
 * A bigint, since the numbers of a busy server pass 2^53; branded, so that no other number is taken for one.
 * @see https://www.postgresql.org/docs/current/datatype-pg-lsn.html
 */
export type Lsn = bigint & { readonly [brand]: 'Lsn' };

const LIMIT = 1n << 64n;
const TEXT = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/;

/** PostgreSQL's "no position": 0/0. */
export const INVALID_LSN: Lsn = 0n as Lsn;

/** The number as an Lsn. Throws `INVALID_LSN` outside 0 … 2^64 - 1. */
export function lsn(value: bigint): Lsn {
  if (value < 0n || value >= LIMIT) {
    throw new ColophonError('INVALID_LSN', `An LSN is a number from 0 to 2^64 - 1, got ${value}.`);
  }
  return value as Lsn;
}

/** Reads PostgreSQL's text form, for example `16/B374D848`. Throws `INVALID_LSN` for any other text. */
export function parseLsn(text: string): Lsn {
  const match = TEXT.exec(text);
  if (match === null) {
    throw new ColophonError(
      'INVALID_LSN',
      `An LSN looks like 16/B374D848, got ${JSON.stringify(text.slice(0, 40))}.`,
    );
  }
  return ((BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`)) as Lsn;
}

/** PostgreSQL's text form: two hexadecimal halves in capitals, without leading zeros. */
export function formatLsn(value: Lsn): string {
  const high = (value >> 32n).toString(16).toUpperCase();
  const low = (value & 0xffffffffn).toString(16).toUpperCase();
  return `${high}/${low}`;
}
