import { createHash } from 'node:crypto';
import type { Lsn } from './lsn.js';
import { lsn } from './lsn.js';

/** What makes a change the same change, wherever and however often it is received. */
export interface ChangeIdentity {
  /** The cluster's identifier, a decimal number. */
  readonly systemIdentifier: string;
  readonly timeline: number;
  /** Start of its transaction's commit record. */
  readonly commitLsn: Lsn;
  /** Ordinal in its transaction, from 0 to 2^32 - 1. */
  readonly sequence: number;
}

/** What can be read from a change's id. */
export interface ParsedChangeId {
  readonly commitLsn: Lsn;
  readonly sequence: number;
  /** 26 bits of the SHA-256 of system identifier and timeline. */
  readonly sourceHash: number;
}

const SOURCE_BITS = 26;
const SOURCE_MASK = 2 ** SOURCE_BITS - 1;
const FORM = /^([0-9a-f]{8})-([0-9a-f]{4})-8([0-9a-f]{3})-([89ab][0-9a-f]{3})-([0-9a-f]{12})$/;

let source = { systemIdentifier: '', timeline: -1, hash: 0, tail: '' };
let transaction = { commitLsn: -1n, head: '', lastNibble: 0 };

/**
 * The change's id: the same change has the same one in every output. A UUID of version 8 (RFC 9562) that sorts by
 * commit LSN, then by sequence: `commitLsn` (64 bits, around version and variant), `sequence` (32), then 26 bits of the
 * SHA-256 of `<systemIdentifier>/<timeline>`. Unique within a source; between sources of one store by chance of 2^-26
 * at equal commit LSN and sequence.
 * @see https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-8
 */
export function changeId(identity: ChangeIdentity): string {
  const { systemIdentifier, timeline, commitLsn, sequence } = identity;
  // A transaction's changes follow each other, so what they share is worked out once: no bigint, no hash a change.
  if (source.timeline !== timeline || source.systemIdentifier !== systemIdentifier) {
    const hash = sourceHash(systemIdentifier, timeline);
    source = { systemIdentifier, timeline, hash, tail: (hash & 0xffffff).toString(16).padStart(6, '0') };
  }
  if (transaction.commitLsn !== commitLsn) {
    const hex = commitLsn.toString(16).padStart(16, '0');
    const head = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(12, 15)}-`;
    transaction = { commitLsn, head, lastNibble: Number.parseInt(hex.slice(15), 16) };
  }
  const variant = (0x8000 | (transaction.lastNibble << 10) | (sequence >>> 22)).toString(16);
  const low = (0x1000000 + (sequence & 0x3fffff) * 4 + (source.hash >>> 24)).toString(16).slice(1);
  return `${transaction.head}${variant}-${low}${source.tail}`;
}

/** Reads an id back; null where the text isn't one. */
export function parseChangeId(id: string): ParsedChangeId | null {
  const match = FORM.exec(id.toLowerCase());
  if (match === null) return null;
  const [, high, middle, third, fourth, last] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const variant = Number.parseInt(fourth, 16) & 0x3fff;
  const low = Number.parseInt(last.slice(0, 6), 16);
  const nibble = (variant >>> 10).toString(16);
  return {
    commitLsn: lsn(BigInt(`0x${high}${middle}${third}${nibble}`)),
    sequence: (variant & 0x3ff) * 2 ** 22 + (low >>> 2),
    sourceHash: (low & 3) * 2 ** 24 + Number.parseInt(last.slice(6), 16),
  };
}

/** The 26 bits by which ids of different sources differ. */
export function sourceHash(systemIdentifier: string, timeline: number): number {
  const digest = createHash('sha256').update(`${systemIdentifier}/${timeline}`).digest();
  return (digest.readUInt32BE(0) >>> (32 - SOURCE_BITS)) & SOURCE_MASK;
}
