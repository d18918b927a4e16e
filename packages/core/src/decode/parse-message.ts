import type {
  BeginMessage,
  CommitMessage,
  DeleteMessage,
  InsertMessage,
  LogicalMessage,
  OriginMessage,
  PgoutputMessage,
  RelationColumn,
  RelationMessage,
  ReplicaIdentity,
  TruncateMessage,
  TypeMessage,
  UpdateMessage,
} from './message.js';
import { MessageReader, violation } from './message-reader.js';
import type { Tuple } from './tuple.js';

const IDENTITIES = 'dnfi';
const KEY_TUPLE = 0x4b;
const OLD_TUPLE = 0x4f;
const NEW_TUPLE = 0x4e;
const TRUNCATE_CASCADE = 1;
const TRUNCATE_RESTART_IDENTITY = 2;
// PostgreSQL sends an empty name for it.
const CATALOG_SCHEMA = 'pg_catalog';

/**
 * Reads one message of pgoutput (protocol version 1). Rows stay raw: views on `buffer`, for a `RowDecoder`.
 * Throws `PROTOCOL_VIOLATION` for bytes that aren't such a message.
 */
export function parseMessage(buffer: Buffer): PgoutputMessage {
  switch (buffer[0]) {
    case 0x49:
      return parseInsert(buffer);
    case 0x55:
      return parseUpdate(buffer);
    case 0x44:
      return parseDelete(buffer);
    case 0x42:
      return parseBegin(buffer);
    case 0x43:
      return parseCommit(buffer);
    case 0x4d:
      return parseLogicalMessage(buffer);
    case 0x52:
      return parseRelation(buffer);
    case 0x54:
      return parseTruncate(buffer);
    case 0x59:
      return parseType(buffer);
    case 0x4f:
      return parseOrigin(buffer);
    case undefined:
      throw violation('a message must have at least 1 byte, got 0');
    default:
      throw violation(
        `message of kind 0x${buffer[0].toString(16).padStart(2, '0')} is not one of protocol version 1 (streaming and two-phase commit must be off)`,
      );
  }
}

function parseInsert(buffer: Buffer): InsertMessage {
  const reader = new MessageReader(buffer, 'Insert', 8);
  const relationOid = reader.uint32();
  wantTuple('Insert', reader.uint8(), NEW_TUPLE);
  const after = reader.tuple();
  reader.end();
  return { tag: 'insert', relationOid, after };
}

function parseUpdate(buffer: Buffer): UpdateMessage {
  const reader = new MessageReader(buffer, 'Update', 8);
  const relationOid = reader.uint32();
  let kind = reader.uint8();
  let oldKind: 'K' | 'O' | null = null;
  let before: Tuple | null = null;
  if (kind === OLD_TUPLE || kind === KEY_TUPLE) {
    oldKind = kind === OLD_TUPLE ? 'O' : 'K';
    before = reader.tuple();
    kind = reader.uint8();
  }
  wantTuple('Update', kind, NEW_TUPLE);
  const after = reader.tuple();
  reader.end();
  return { tag: 'update', relationOid, oldKind, before, after };
}

function parseDelete(buffer: Buffer): DeleteMessage {
  const reader = new MessageReader(buffer, 'Delete', 8);
  const relationOid = reader.uint32();
  const kind = reader.uint8();
  if (kind !== OLD_TUPLE) wantTuple('Delete', kind, KEY_TUPLE);
  const before = reader.tuple();
  reader.end();
  return { tag: 'delete', relationOid, oldKind: kind === OLD_TUPLE ? 'O' : 'K', before };
}

function wantTuple(message: string, kind: number, wanted: number): void {
  if (kind === wanted) return;
  throw violation(`${message} message has a row of kind ${kind}, wanted ${String.fromCharCode(wanted)}`);
}

function parseBegin(buffer: Buffer): BeginMessage {
  const reader = new MessageReader(buffer, 'Begin', 21);
  const commitLsn = reader.lsn();
  const committedAtMicros = reader.timestamp();
  const xid = reader.uint32();
  reader.end();
  return { tag: 'begin', commitLsn, committedAtMicros, xid };
}

function parseCommit(buffer: Buffer): CommitMessage {
  const reader = new MessageReader(buffer, 'Commit', 26);
  const flags = reader.uint8();
  const commitLsn = reader.lsn();
  const endLsn = reader.lsn();
  const committedAtMicros = reader.timestamp();
  reader.end();
  return { tag: 'commit', flags, commitLsn, endLsn, committedAtMicros };
}

function parseLogicalMessage(buffer: Buffer): LogicalMessage {
  const reader = new MessageReader(buffer, 'Message', 15);
  const flags = reader.uint8();
  const lsn = reader.lsn();
  const prefix = reader.string();
  const content = reader.bytes(reader.uint32());
  reader.end();
  return { tag: 'message', transactional: (flags & 1) === 1, lsn, prefix, content };
}

function parseRelation(buffer: Buffer): RelationMessage {
  const reader = new MessageReader(buffer, 'Relation', 10);
  const oid = reader.uint32();
  const schema = reader.string() || CATALOG_SCHEMA;
  const table = reader.string();
  const replicaIdentity = String.fromCharCode(reader.uint8());
  if (!IDENTITIES.includes(replicaIdentity)) {
    throw violation(
      `Relation message has replica identity ${JSON.stringify(replicaIdentity)}, wanted d, n, f or i`,
    );
  }
  const count = reader.uint16();
  const columns: RelationColumn[] = [];
  for (let column = 0; column < count; column++) {
    const isKey = (reader.uint8() & 1) === 1;
    columns.push({ name: reader.string(), typeOid: reader.uint32(), typeModifier: reader.int32(), isKey });
  }
  reader.end();
  return {
    tag: 'relation',
    oid,
    schema,
    table,
    replicaIdentity: replicaIdentity as ReplicaIdentity,
    columns,
  };
}

function parseTruncate(buffer: Buffer): TruncateMessage {
  const reader = new MessageReader(buffer, 'Truncate', 6);
  const count = reader.uint32();
  const options = reader.uint8();
  const relationOids: number[] = [];
  for (let relation = 0; relation < count; relation++) relationOids.push(reader.uint32());
  reader.end();
  return {
    tag: 'truncate',
    relationOids,
    cascade: (options & TRUNCATE_CASCADE) !== 0,
    restartIdentity: (options & TRUNCATE_RESTART_IDENTITY) !== 0,
  };
}

function parseType(buffer: Buffer): TypeMessage {
  const reader = new MessageReader(buffer, 'Type', 7);
  const oid = reader.uint32();
  const schema = reader.string() || CATALOG_SCHEMA;
  const name = reader.string();
  reader.end();
  return { tag: 'type', oid, schema, name };
}

function parseOrigin(buffer: Buffer): OriginMessage {
  const reader = new MessageReader(buffer, 'Origin', 10);
  const originLsn = reader.lsn();
  const name = reader.string();
  reader.end();
  return { tag: 'origin', originLsn, name };
}
