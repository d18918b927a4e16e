import { createHash } from 'node:crypto';
import { type JsonText, jsonMembers, type Operation } from '@colophon/protocol';
import type { ImportedChange } from '@colophon/store';
import type { ImportMapping } from './mapping.js';
import type { OriginQuery, OriginRow } from './origin-query.js';
import { type ImageKind, objectOf, rowImages } from './row-images.js';
import { rowKey } from './row-key.js';

/** What of a row's facts is the same for all rows. */
export interface RowMapper {
  readonly mapping: ImportMapping;
  readonly textual: OriginQuery['textual'];
  /** The database that is read, and the table with its schema: by them and its id a row is known again. */
  readonly database: string;
  readonly origin: string;
  readonly keepsIds: boolean;
  /** The source's name where one is given; else it is the database's. */
  readonly name: string | null;
  readonly environment: string;
  /** From the source's catalog: by schema and table. */
  readonly catalog: ReadonlyMap<string, readonly string[]>;
  readonly redact: (change: ImportedChange) => ImportedChange;
}

/** A row: a change, nothing that is one, or why it can't be read. The reason holds nothing of the row. */
export type MappedRow =
  | { readonly kind: 'change'; readonly change: ImportedChange }
  | { readonly kind: 'other' }
  | { readonly kind: 'unreadable'; readonly reason: string };

const USUAL: Readonly<Record<string, Operation>> = {
  c: 'CREATE',
  create: 'CREATE',
  i: 'CREATE',
  insert: 'CREATE',
  u: 'UPDATE',
  update: 'UPDATE',
  d: 'DELETE',
  delete: 'DELETE',
  destroy: 'DELETE',
  t: 'TRUNCATE',
  truncate: 'TRUNCATE',
};
const DEFAULT_KEY = ['id'];
/** Of UUIDs made from names (RFC 9562, version 5), for rows of audit tables. */
const NAMESPACE = Buffer.from('c0109404a0d75d6b8f5b6c0f6f1d7a3e', 'hex');
const XID_BITS = 32;
// What a store's timestamptz takes and every client writes with four digits of the year.
const FIRST_MICROS = -62_135_596_800_000_000n;
const LAST_MICROS = 253_402_300_799_999_999n;

/** Makes of a row what is stored. */
export function mapRow(row: OriginRow, mapper: RowMapper): MappedRow {
  const { mapping } = mapper;
  const operation = operationOf(row.operation, mapping);
  if (operation === null) return { kind: 'other' };
  if (operation === undefined) return unreadable('its operation is none that the mapping knows');
  if (row.table === null || row.table === '') return unreadable('it names no table');
  const committedAtMicros = micros(row.committed);
  if (committedAtMicros === null) return unreadable('its time is null, infinite or out of range');
  const [first, second, context] = (['first', 'second', 'context'] as const).map((place) =>
    objectText(row[place], mapper.textual.has(place)),
  );
  if (first === undefined || second === undefined)
    return unreadable('what it says of the row is no JSON object');
  if (context === undefined) return unreadable('its context is no JSON object');
  const [transactionId, position] = [integer(row.transaction), integer(row.position)];
  if (transactionId === undefined || position === undefined) {
    return unreadable('its transaction or position is no whole number');
  }
  const images = rowImages(kindOf(mapping), operation, first, second);
  const schema = row.schema ?? 'public';
  const table = (
    mapping.tables && Object.hasOwn(mapping.tables, row.table) ? mapping.tables[row.table] : row.table
  )!;
  const keyColumns = keyColumnsOf(`${schema}.${table}`, mapper);
  const database = row.database ?? mapper.database;
  return {
    kind: 'change',
    change: mapper.redact({
      id: mapper.keepsIds ? row.id : idOf(mapper, row.id),
      source: mapper.name ?? database,
      environment: mapper.environment,
      database,
      schema,
      table,
      operation,
      keyColumns,
      ...(operation === 'TRUNCATE'
        ? { key: '{}', primaryKey: null }
        : rowKey(keyColumns, images, row.keyvalue)),
      ...images,
      context:
        context === null ? '{}' : typeof mapping.context === 'string' ? context : withoutNulls(context),
      committedAtMicros,
      queuedAtMicros: micros(row.queued),
      createdAtMicros: micros(row.created),
      transactionId: transactionId === null ? null : BigInt.asUintN(XID_BITS, transactionId),
      position,
    }),
  };
}

function operationOf(text: string | null, { operations = {} }: ImportMapping): Operation | null | undefined {
  if (text === null) return undefined;
  return Object.hasOwn(operations, text) ? operations[text] : USUAL[text.toLowerCase()];
}

function kindOf(mapping: ImportMapping): ImageKind {
  if (mapping.row !== undefined) return 'row';
  return mapping.object !== undefined || mapping.objectChanges !== undefined ? 'object' : 'pair';
}

function keyColumnsOf(table: string, { mapping, catalog }: RowMapper): readonly string[] {
  const given =
    mapping.keys !== undefined && Object.hasOwn(mapping.keys, table) ? mapping.keys[table] : undefined;
  return given ?? catalog.get(table) ?? mapping.key ?? DEFAULT_KEY;
}

/** The text of a JSON object; null where there is none, undefined for something else. */
function objectText(text: string | null, isTextual: boolean): JsonText | null | undefined {
  if (text === null) return null;
  if (isTextual) {
    try {
      JSON.parse(text);
    } catch {
      return undefined;
    }
  }
  const trimmed = text.trim();
  if (trimmed === 'null') return null;
  return trimmed.startsWith('{') ? trimmed : undefined;
}

/** What nobody knew is no part of a context. */
function withoutNulls(context: JsonText): JsonText {
  if (!context.includes('null')) return context;
  return objectOf(jsonMembers(context).filter(([, value]) => value !== 'null'));
}

function micros(text: string | null): bigint | null {
  if (text === null) return null;
  const value = BigInt(text);
  return value >= FIRST_MICROS && value <= LAST_MICROS ? value : null;
}

/** Undefined for what is no whole number. */
function integer(text: string | null): bigint | null | undefined {
  if (text === null) return null;
  return /^-?\d+$/.test(text) ? BigInt(text) : undefined;
}

function idOf({ database, origin }: RowMapper, id: string): string {
  const name = JSON.stringify([database, origin, id]);
  const bytes = createHash('sha1').update(NAMESPACE).update(name).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x50;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function unreadable(reason: string): MappedRow {
  return { kind: 'unreadable', reason };
}
