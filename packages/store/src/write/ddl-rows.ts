import type { DdlRecord } from '@colophon/protocol';
import { formatLsn } from '@colophon/protocol';
import pg from 'pg';
import { timestampText } from './copy-text.js';
import type { TransactionRows } from './record-rows.js';

/** A row of `colophon.ddl_records`, by its columns; what all rows of a flush share is left out. */
export type DdlRow = Readonly<Record<string, string | number | boolean | null>>;

const COLUMNS = {
  place: 'int',
  committed_at: 'timestamptz',
  queued_at: 'timestamptz',
  timeline: 'int',
  commit_lsn: 'pg_lsn',
  transaction_id: 'bigint',
  ordinal: 'int',
  sequence: 'int',
  position: 'bigint',
  command: 'text',
  object_type: 'text',
  schema: 'text',
  identity: 'text',
  table_oid: 'oid',
  is_drop: 'boolean',
  role: 'text',
  context: 'text',
} as const;
const NAMES = Object.keys(COLUMNS).map((name) => `"${name}"`);
const [, ...STORED] = NAMES;
const TYPES = Object.entries(COLUMNS).map(([name, type]) => `"${name}" ${type}`);

/**
 * The statement that takes the next number of the one order, at the place of a command among the changes; kept by the
 * server until the flush's end, when the command's context is known.
 */
export function takeSeq(place: number): string {
  return `SELECT set_config('colophon.ddl_seq_${place}', nextval('colophon.change_seq')::text, true)`;
}

/** What is written where the publication that is read was changed: a gap that begins, or ends. Empty where none was. */
export function coverageStatement(
  sourceId: number,
  { facts }: TransactionRows,
  { isOwnPublication, publication, command }: DdlRecord,
): string {
  if (!isOwnPublication || publication === null) return '';
  const { systemIdentifier, timeline, commitLsn } = facts;
  const { name, table, isWhole } = publication;
  const values = [
    sourceId,
    table === null ? 'NULL' : `ARRAY[${pg.escapeLiteral(table)}]`,
    isWhole,
    pg.escapeLiteral(systemIdentifier),
    timeline,
    `'${formatLsn(commitLsn)}'`,
    pg.escapeLiteral(`${command} in publication ${name}`),
  ];
  return `SELECT colophon.note_coverage(${values.join(', ')});`;
}

/** One command's row. `place` is the number by which its seq was taken. */
export function ddlRow(
  transaction: TransactionRows,
  record: DdlRecord,
  place: number,
  context: string,
): DdlRow {
  const { facts, committedAt } = transaction;
  return {
    place,
    committed_at: committedAt,
    queued_at: timestampText(BigInt(Math.trunc(facts.receivedAtMs)) * 1000n),
    timeline: facts.timeline,
    commit_lsn: formatLsn(facts.commitLsn),
    transaction_id: facts.xid,
    ordinal: record.ordinal,
    sequence: record.sequence,
    // A text, since it may pass 2^53.
    position: record.position.toString(),
    command: record.command,
    object_type: record.objectType,
    schema: record.schema,
    identity: record.identity,
    table_oid: record.oid,
    is_drop: record.isDrop,
    role: record.role,
    context,
  };
}

/** The statement that stores commands; empty where there are none. */
export function ddlStatement(sourceId: number, rows: readonly DdlRow[]): string {
  if (rows.length === 0) return '';
  return `INSERT INTO colophon.ddl_records (source_id, seq, ${STORED.join(', ')})
SELECT ${sourceId}, current_setting('colophon.ddl_seq_' || place)::bigint,
  ${STORED.map((name) => (name === '"context"' ? `${name}::jsonb` : name)).join(', ')}
FROM jsonb_to_recordset(${pg.escapeLiteral(JSON.stringify(rows))}) AS r(${TYPES.join(', ')});`;
}
