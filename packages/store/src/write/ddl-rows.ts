import type { DdlRecord, TransactionEnd } from '@colophon/protocol';
import { formatLsn } from '@colophon/protocol';
import pg from 'pg';
import { asciiLiteral, buffers, bytes } from './careful-statements.js';
import { timestampText } from './copy-text.js';
import type { TransactionRows } from './record-rows.js';

/** What of a command is stored as it was told, by its columns in `colophon.ddl_records`. */
const TOLD = {
  command: 'text',
  object_type: 'text',
  schema: 'text',
  identity: 'text',
  table_oid: 'oid',
  is_drop: 'boolean',
  role: 'text',
  ordinal: 'int',
  sequence: 'int',
  position: 'bigint',
  verified: 'boolean',
} as const;
const COLUMNS = {
  committed_at: 'timestamptz',
  queued_at: 'timestamptz',
  timeline: 'int',
  commit_lsn: 'pg_lsn',
  transaction_id: 'bigint',
  ...TOLD,
  context: 'text',
} as const;
const STORED = Object.keys(COLUMNS).map((name) => `"${name}"`);
const TYPES = Object.entries(COLUMNS).map(([name, type]) => `"${name}" ${type}`);

type Row = Readonly<Record<string, string | number | boolean | null>>;

/** A command whose transaction hasn't ended: its context isn't known. */
interface PlacedRecord {
  readonly record: DdlRecord;
  /** Where its number of the one order is kept: which setting, and which number in it, from 1. */
  readonly place: readonly [setting: number, item: number];
}

const NONE: readonly Buffer[][] = [];

/** The commands of one flush. Few: they are kept until its end. */
export class DdlRows {
  readonly #sourceId: number;
  #settings = 0;
  #open: PlacedRecord[] = [];
  #rows: (Row & { setting: number; item: number })[] = [];
  #coverage = '';

  constructor(sourceId: number) {
    this.#sourceId = sourceId;
  }

  /**
   * The statement that takes their numbers of the one order, at their place among the changes. The server keeps them until the
   * transaction's end, when the contexts are known: nothing that is stored is changed afterwards.
   */
  place(records: readonly DdlRecord[]): Buffer[] {
    const setting = this.#settings++;
    this.#open.push(
      ...records.map((record, index): PlacedRecord => ({ record, place: [setting, index + 1] })),
    );
    return buffers(
      `SELECT '' FROM set_config('colophon.ddl_seqs_${setting}', (SELECT string_agg(nextval('colophon.change_seq')::text, ',')
       FROM generate_series(1, ${records.length})), true)`,
    );
  }

  /** Their transaction has ended: gives the statements that store them one by one, where it is to be careful. */
  end(
    transaction: TransactionRows,
    { contexts, verified = [] }: TransactionEnd,
    isCareful: boolean,
  ): readonly Buffer[][] {
    if (this.#open.length === 0) return NONE;
    const careful: Buffer[][] = [];
    for (const { record, place } of this.#open) {
      const context = contexts[record.segment] ?? '{}';
      const row = told(record, verified[record.segment] ?? null);
      this.#coverage += coverageStatement(this.#sourceId, transaction, record);
      if (isCareful) careful.push(carefulDdl(this.#sourceId, transaction, { record, place }, row, context));
      else {
        const [setting, item] = place;
        this.#rows.push({ setting, item, ...shared(transaction), ...row, context });
      }
    }
    this.#open = [];
    return careful;
  }

  /** What is left to be done at the flush's end; empty where there is nothing. */
  statements(): string {
    if (this.#rows.length === 0) return this.#coverage;
    return `INSERT INTO colophon.ddl_records (source_id, seq, ${STORED.join(', ')})
SELECT ${this.#sourceId}, (string_to_array(current_setting('colophon.ddl_seqs_' || setting), ','))[item]::bigint,
  ${STORED.map((name) => (name === '"context"' ? `${name}::jsonb` : name)).join(', ')}
FROM jsonb_to_recordset(${pg.escapeLiteral(JSON.stringify(this.#rows))}) AS r(setting int, item int, ${TYPES.join(', ')});${this.#coverage}`;
  }
}

/** What is written where the publication that is read was changed: a gap that begins, or ends. Empty where none was. */
function coverageStatement(
  sourceId: number,
  { facts }: TransactionRows,
  { isOwnPublication, publication, command }: DdlRecord,
): string {
  if (!isOwnPublication || publication === null) return '';
  const { systemIdentifier, timeline, commitLsn } = facts;
  const { name, table, isWhole, approvedBy = null } = publication;
  const values = [
    sourceId,
    table === null ? 'NULL' : `ARRAY[${readable(table)}]`,
    isWhole,
    pg.escapeLiteral(systemIdentifier),
    timeline,
    `'${formatLsn(commitLsn)}'`,
    readable(`${command} in publication ${name}`),
    approvedBy === null ? 'NULL' : readable(approvedBy),
  ];
  return `SELECT colophon.note_coverage(${values.join(', ')});`;
}

/** A name that this database's encoding may lack characters of. */
function readable(text: string): string {
  return `colophon.readable_text(${Buffer.concat(bytes(text)).toString('latin1')})`;
}

/** The statement that stores a command, or keeps it in `colophon.unstored`: gives `''` or the reason, and the record as JSON. */
function carefulDdl(
  sourceId: number,
  transaction: TransactionRows,
  { record, place: [setting, item] }: PlacedRecord,
  columns: Row,
  context: string,
): Buffer[] {
  const { facts, firstSegment } = transaction;
  const commitLsn = formatLsn(facts.commitLsn);
  const row = shared(transaction);
  const kept = { what: 'ddl', transactionId: facts.xid, commitLsn, id: null, sequence: null, table: null };
  return buffers(
    `SELECT colophon.store_ddl(${sourceId},(string_to_array(current_setting('colophon.ddl_seqs_${setting}'),','))[${item}]::bigint,` +
      `${firstSegment + BigInt(record.segment)},'${row.committed_at}','${row.queued_at}',${facts.timeline},'${commitLsn}',${facts.xid},`,
    bytes(JSON.stringify(columns)),
    ',',
    bytes(context),
    `),${asciiLiteral(JSON.stringify(kept))}`,
  );
}

function shared({ facts, committedAt }: TransactionRows): Row {
  return {
    committed_at: committedAt,
    queued_at: timestampText(BigInt(Math.trunc(facts.receivedAtMs)) * 1000n),
    timeline: facts.timeline,
    commit_lsn: formatLsn(facts.commitLsn),
    transaction_id: facts.xid,
  };
}

function told(
  record: DdlRecord,
  verified: boolean | null,
): Record<keyof typeof TOLD, string | number | boolean | null> {
  return {
    command: record.command,
    object_type: record.objectType,
    schema: record.schema,
    identity: record.identity,
    table_oid: record.oid,
    is_drop: record.isDrop,
    role: record.role,
    ordinal: record.ordinal,
    sequence: record.sequence,
    // A text, since it may pass 2^53.
    position: record.position.toString(),
    verified,
  };
}
