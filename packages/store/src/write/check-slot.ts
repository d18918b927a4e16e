import { ColophonError, type SourceDescription } from '@colophon/protocol';
import type { Queryable } from '../migrate/store-version.js';

/**
 * Refuses to go on with a source that another slot reads, as long as that slot is there: a position says what was stored
 * through one slot, and what another one has yet to deliver below it would be passed over. Throws `STORE_BUSY`.
 */
export async function checkSlotOfSource(client: Queryable, source: SourceDescription): Promise<void> {
  const { name, environment, database, systemIdentifier, slot, otherSlots = [] } = source;
  if (otherSlots.length === 0) return;
  const { rows } = await client.query(
    `SELECT slot FROM colophon.sources
      WHERE (name, environment, database, system_identifier) = ($1, $2, $3, $4) AND slot = ANY ($5)`,
    [name, environment, database, systemIdentifier, otherSlots],
  );
  const other = rows[0]?.slot as string | undefined;
  if (other === undefined) return;
  const label = environment === '' ? '' : ` (${environment})`;
  throw new ColophonError(
    'STORE_BUSY',
    `The store has ${name}${label} through slot ${other}, which is there, and this is slot ${slot}: give what is read through it a --name or --environment of its own; or, if it took the other's place, drop slot ${other} first.`,
    { details: { slot, otherSlot: other } },
  );
}
