import {
  type AccountedPosition,
  formatLsn,
  type Gap,
  type Lsn,
  parseLsn,
  type StoredCommit,
  type StoredTransaction,
} from '@colophon/protocol';
import type { Queryable } from '../migrate/store-version.js';

/** Whose ledger it is, and how many times its position was moved as far as the consumer knows. */
export interface LedgerOwner {
  readonly sourceId: number;
  readonly version: bigint;
}

/** How far a source is accounted for; null where nothing is known of it or its slot. */
export async function readAccounted(
  client: Queryable,
  sourceId: number,
  systemIdentifier: string,
  slot: string,
): Promise<AccountedPosition | null> {
  const { rows } = await client.query('SELECT * FROM colophon.accounted_position($1, $2, $3)', [
    sourceId,
    systemIdentifier,
    slot,
  ]);
  const row = rows[0] as { system_identifier: string; timeline: number; lsn: string | null } | undefined;
  if (row === undefined || row.lsn === null) return null;
  return { systemIdentifier: row.system_identifier, timeline: row.timeline, lsn: parseLsn(row.lsn) };
}

/** Moves the accounted position, `mayGoBack` where a gap says why. Fails with SQLSTATE CP001 where another consumer has moved it. */
export async function moveAccounted(
  client: Queryable,
  { sourceId, version }: LedgerOwner,
  { systemIdentifier, timeline, lsn }: AccountedPosition,
  mayGoBack = false,
): Promise<void> {
  await client.query('SELECT colophon.account_position($1, $2, $3, $4, $5, $6)', [
    sourceId,
    version,
    systemIdentifier,
    timeline,
    formatLsn(lsn),
    mayGoBack,
  ]);
}

/** Records gaps and moves the accounted position in one transaction. Gives those that are new. */
export async function addGaps(
  client: Queryable,
  owner: LedgerOwner,
  gaps: readonly Gap[],
  accounted: AccountedPosition,
): Promise<readonly Gap[]> {
  const added: Gap[] = [];
  await client.query('BEGIN');
  for (const gap of gaps) {
    const { rows } = await client.query(
      'SELECT colophon.add_gap($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS is_new',
      [
        owner.sourceId,
        gap.reason,
        lsnText(gap.fromLsn),
        lsnText(gap.toLsn),
        gap.fromTimeline,
        gap.toTimeline,
        gap.fromSystemIdentifier,
        gap.toSystemIdentifier,
        gap.tables,
        gap.detail,
        gap.approvedBy,
      ],
    );
    if (rows[0]?.is_new === true) added.push(gap);
  }
  await moveAccounted(client, owner, accounted, true);
  await client.query('COMMIT');
  return added;
}

const micros = (column: string): string => `(extract(epoch FROM ${column}) * 1000000)::bigint::text`;

/** The commit of a source's last stored transaction; null where there is none. */
export async function readLastCommit(client: Queryable, sourceId: number): Promise<StoredCommit | null> {
  const { rows } = await client.query(
    `SELECT commit_lsn, ${micros('last_committed_at')} AS micros FROM colophon.positions
     WHERE source_id = $1 AND last_committed_at IS NOT NULL`,
    [sourceId],
  );
  const row = rows[0] as { commit_lsn: string; micros: string } | undefined;
  return row === undefined
    ? null
    : { commitLsn: parseLsn(row.commit_lsn), committedAtMicros: BigInt(row.micros) };
}

/** The stored transactions of a source whose commit starts in the stretch, whatever timeline they were read on. */
export async function readTransactions(
  client: Queryable,
  sourceId: number,
  fromLsn: Lsn,
  toLsn: Lsn,
): Promise<readonly StoredTransaction[]> {
  const { rows } = await client.query(
    `SELECT commit_lsn, transaction_id::text AS xid, ${micros('committed_at')} AS micros
     FROM colophon.stored_transactions($1, $2, $3)`,
    [sourceId, formatLsn(fromLsn), formatLsn(toLsn)],
  );
  return rows.map((row) => ({
    commitLsn: parseLsn(row.commit_lsn as string),
    xid: Number(row.xid),
    committedAtMicros: BigInt(row.micros as string),
  }));
}

function lsnText(lsn: Lsn | null): string | null {
  return lsn === null ? null : formatLsn(lsn);
}
