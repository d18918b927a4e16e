import { createHash } from 'node:crypto';
import { type Change, changeId, formatLsn } from '@colophon/protocol';
import pg from 'pg';
import { timestampText } from './copy-text.js';
import { oldKey } from './old-key.js';
import type { TransactionRows } from './record-rows.js';
import { storedPrimaryKey } from './stored-primary-key.js';

/** A record that could not be stored as it was, and is kept in `colophon.unstored` instead. */
export interface UnstoredRecord {
  /** A change, the context of some that are stored, or a command that changed the schema. */
  readonly what: 'change' | 'context' | 'ddl';
  /** Why the server refused it; `54000` also where it was too large to be tried. */
  readonly sqlstate: string;
  readonly transactionId: number;
  readonly commitLsn: string;
  /** Of a change; null for a context or a command, like all that follows. */
  readonly id: string | null;
  readonly sequence: number | null;
  /** With its schema before it: `public.todo`. */
  readonly table: string | null;
}

/** Longer JSON may be more than `jsonb` can hold, at most 256 MiB: numbers and empty lists grow sixfold in it. */
const MAX_SURE_LENGTH = 32 * 2 ** 20;
/** No `jsonb` is made of more bytes than this: nothing is sent only to be refused. */
const MAX_TRIED_BYTES = 256 * 2 ** 20;
/** Of which so many are kept. */
const MAX_KEPT_BYTES = 64 * 2 ** 20;
/** Bytes at a time: a multiple of 3, so that the pieces of base64 are one text. */
const PIECE_BYTES = 3 * 2 ** 20;
/** `program_limit_exceeded`, as the server itself would say. */
const TOO_LARGE = '54000';

/** Whether a change may be storable but not readable, or not even storable, for its size alone. */
export function isDoubtful(change: Change): boolean {
  return change.before.length > MAX_SURE_LENGTH || change.after.length > MAX_SURE_LENGTH;
}

/** The statement that stores a change, or keeps it in `colophon.unstored`: gives `''` or the reason, and the record as JSON. */
export function carefulChange(
  sourceId: number,
  transaction: TransactionRows,
  segment: string,
  change: Change,
): Buffer[] {
  const { systemIdentifier, timeline, commitLsn, xid } = transaction.facts;
  const { relation, sequence, operation, position, primaryKey, unchanged } = change;
  const id = changeId({ systemIdentifier, timeline, commitLsn, sequence });
  const old = oldKey(change);
  const record = {
    what: 'change',
    transactionId: xid,
    commitLsn: formatLsn(commitLsn),
    id,
    sequence,
    table: `${relation.schema}.${relation.table}`,
  };
  const names = [
    bytes(relation.schema),
    ',',
    bytes(relation.table),
    ',',
    nullableBytes(relation.partition),
    ',',
    nullableBytes(primaryKey === null ? null : storedPrimaryKey(primaryKey)),
  ];
  const place = `${sourceId},${segment},'${transaction.committedAt}'`;
  const facts = `'${id}',${position},${sequence},'${operation}'`;
  const end = `),${asciiLiteral(JSON.stringify(record))}`;
  if (
    Buffer.byteLength(change.before) > MAX_TRIED_BYTES ||
    Buffer.byteLength(change.after) > MAX_TRIED_BYTES
  ) {
    const { length, sha256, beginning } = abstract([
      '{"key":',
      change.key,
      ',"before":',
      change.before,
      ',"after":',
      change.after,
      '}',
    ]);
    return buffers(
      `SELECT colophon.keep_unstored(${place},'change','${TOO_LARGE}',${facts},`,
      ...names,
      ',',
      base64(beginning),
      `,${length},'\\x${sha256}'${end}`,
    );
  }
  return buffers(
    `SELECT colophon.store_change(${place},${facts},`,
    ...names,
    ',',
    bytes(change.key),
    ',',
    nullableBytes(old),
    ',',
    bytes(change.before),
    ',',
    bytes(change.after),
    ',',
    unchanged.length === 0
      ? 'NULL'
      : `ARRAY[${unchanged.map((name) => Buffer.concat(bytes(name)).toString('latin1')).join(',')}]`,
    end,
  );
}

/** The statement that stores a segment, or one that says that its context is in `colophon.unstored`. */
export function carefulSegment(
  sourceId: number,
  transaction: TransactionRows,
  segment: number,
  context: string,
): Buffer[] {
  const { facts, committedAt, firstSegment } = transaction;
  const queuedAt = timestampText(BigInt(Math.trunc(facts.receivedAtMs)) * 1000n);
  const record = {
    what: 'context',
    transactionId: facts.xid,
    commitLsn: formatLsn(facts.commitLsn),
    id: null,
    sequence: null,
    table: null,
  };
  return buffers(
    `SELECT colophon.store_segment(${sourceId},${firstSegment + BigInt(segment)},'${committedAt}',${facts.timeline},` +
      `'${formatLsn(facts.commitLsn)}',${facts.xid},'${queuedAt}',`,
    bytes(context),
    `),${asciiLiteral(JSON.stringify(record))}`,
  );
}

/** What the server answered to such a statement; null where all is stored. */
export function unstoredRecord(row: readonly (string | null)[]): UnstoredRecord | null {
  const [sqlstate, record] = row;
  if (sqlstate == null || sqlstate === '' || record == null) return null;
  return { ...JSON.parse(record), sqlstate };
}

type Pieces = string | readonly Buffer[];

/** A statement in pieces: of what is given as text all must be ASCII. */
export function buffers(...pieces: Pieces[]): Buffer[] {
  return pieces.flatMap((piece) => (typeof piece === 'string' ? [Buffer.from(piece, 'latin1')] : piece));
}

/** An expression of a text's UTF-8 bytes: nothing in it can be refused for its encoding, nor is it SQL. */
export function bytes(text: string): Buffer[] {
  return base64(Buffer.from(text));
}

function nullableBytes(text: string | null): Pieces {
  return text === null ? 'NULL' : bytes(text);
}

function base64(data: Buffer): Buffer[] {
  const pieces: Buffer[] = [Buffer.from("decode('")];
  for (let at = 0; at < data.length; at += PIECE_BYTES) {
    pieces.push(Buffer.from(data.toString('base64', at, Math.min(data.length, at + PIECE_BYTES)), 'latin1'));
  }
  pieces.push(Buffer.from("','base64')"));
  return pieces;
}

/** A JSON text as a literal of ASCII. */
export function asciiLiteral(json: string): string {
  const ascii = json.replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return pg.escapeLiteral(ascii).trim();
}

/** Length, hash and beginning of a text that is never made whole. */
function abstract(texts: readonly string[]): { length: number; sha256: string; beginning: Buffer } {
  const hash = createHash('sha256');
  const kept: Buffer[] = [];
  let length = 0;
  for (const text of texts) {
    const data = Buffer.from(text);
    hash.update(data);
    if (length < MAX_KEPT_BYTES) kept.push(data.subarray(0, MAX_KEPT_BYTES - length));
    length += data.length;
  }
  return { length, sha256: hash.digest('hex'), beginning: Buffer.concat(kept) };
}
