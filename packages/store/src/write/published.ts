import { type CoverageChange, formatLsn, parseLsn, type SeenPublication } from '@colophon/protocol';
import type { Queryable } from '../migrate/store-version.js';

/** The publication as it was kept; null where it never was. */
export async function readPublished(client: Queryable, sourceId: number): Promise<SeenPublication | null> {
  const { rows } = await client.query('SELECT seen FROM colophon.published WHERE source_id = $1', [sourceId]);
  const row = rows[0] as { seen: Buffer } | undefined;
  if (row === undefined) return null;
  const kept = JSON.parse(row.seen.toString('utf8'));
  return { ...kept, earlierLsn: parseLsn(kept.earlierLsn), lsn: parseLsn(kept.lsn) };
}

/** Keeps it, with the gaps that begin or end, at once or not at all. */
export async function keepPublished(
  client: Queryable,
  sourceId: number,
  seen: SeenPublication,
  changes: readonly CoverageChange[],
): Promise<void> {
  await client.query('BEGIN');
  for (const { table, isWhole, approvedBy = null, timeline, lsn } of changes) {
    // Names as bytes: this database's encoding may lack their characters.
    await client.query(
      `SELECT colophon.note_coverage($1, CASE WHEN $2::bytea IS NOT NULL THEN ARRAY[colophon.readable_text($2)] END, $3, $4, $5, $6,
         'By the catalog, in publication ' || colophon.readable_text($7), CASE WHEN $8::bytea IS NOT NULL THEN colophon.readable_text($8) END)`,
      [
        sourceId,
        table === null ? null : Buffer.from(table),
        isWhole,
        seen.systemIdentifier,
        timeline,
        formatLsn(lsn),
        Buffer.from(seen.publication),
        approvedBy === null ? null : Buffer.from(approvedBy),
      ],
    );
  }
  const kept = { ...seen, earlierLsn: formatLsn(seen.earlierLsn), lsn: formatLsn(seen.lsn) };
  await client.query('SELECT colophon.note_published($1, $2)', [sourceId, Buffer.from(JSON.stringify(kept))]);
  await client.query('COMMIT');
}
