import { formatLsn } from '@colophon/protocol';
import { type Connection, type Deadline, type SourceState, slotPosition } from '@colophon/setup';
import { beginSlot } from '@colophon/store';
import { STORE } from './open-audit-store.js';
import { visible } from './render/display-text.js';
import { type Settings, storeUrl } from './settings.js';

/**
 * Tells the store's ledger where the slot begins, and says what gap that leaves in what was stored before. `isNew`: the
 * slot was just made.
 */
export async function beginLedger(
  connection: Connection,
  settings: Settings,
  { server, role }: SourceState,
  isNew: boolean,
  deadline: Deadline,
  talk: (line: string) => void,
): Promise<void> {
  const position = await slotPosition(connection, settings.slot);
  if (position === null) return;
  const beginning = {
    ...position,
    name: settings.name ?? server.database,
    environment: settings.environment,
    database: server.database,
    systemIdentifier: server.systemIdentifier,
    slot: settings.slot,
    isNew,
    approvedBy: `colophon init as ${role.name}`,
  };
  for (const gap of await deadline.race(beginSlot(storeUrl(settings), beginning), STORE)) {
    const from = gap.fromLsn === null ? '' : ` from ${formatLsn(gap.fromLsn)}`;
    talk(
      `! Gap in the audit of ${visible(gap.source)} (${gap.reason})${from} to ${formatLsn(gap.toLsn)}. Recorded in colophon.gaps.`,
    );
  }
}
