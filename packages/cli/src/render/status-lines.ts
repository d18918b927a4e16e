import { formatBytes, type ServerState, type SlotState } from '@colophon/setup';
import type { SourceStatus, StoreStatus } from '@colophon/store';
import type { Colors } from '../terminal.js';
import { formatSeconds } from './progress-line.js';

/** A line of `status`: what it is of, the text, and how it is painted where it stands out. */
export type StatusLine = readonly [label: string, text: string, paint?: (text: string) => string];

const BAR_CELLS = 10;
// From here on the share of the limit is worth a look.
const WARN_SHARE = 0.5;

/** The lines about the slot: who reads it, how far behind, and how much WAL it keeps of how much. */
export function slotLines(name: string, slot: SlotState, server: ServerState, colors: Colors): StatusLine[] {
  const consumer: StatusLine = slot.isActive
    ? ['Consumer', `running, as backend process ${slot.activePid} on slot ${name}`, colors.green]
    : ['Consumer', `not running: nobody reads slot ${name}`, colors.yellow];
  if (slot.invalidation !== null) {
    return [
      consumer,
      ['WAL kept', `none: the server has given the slot up (${slot.invalidation})`, colors.red],
    ];
  }
  const { text, share } = retained(slot, server);
  const isMuch = share >= WARN_SHARE || slot.walStatus === 'unreserved';
  const behind =
    slot.lagBytes === 0 ? 'nothing: all is acknowledged' : `${formatBytes(slot.lagBytes ?? 0)} of WAL`;
  return [consumer, ['Behind', behind], isMuch ? ['WAL kept', text, colors.yellow] : ['WAL kept', text]];
}

function retained(slot: SlotState, { maxSlotWalKeepBytes }: ServerState): { text: string; share: number } {
  const kept = formatBytes(slot.retainedBytes ?? 0);
  if (maxSlotWalKeepBytes <= 0)
    return { text: `${kept}, without a limit (max_slot_wal_keep_size)`, share: 0 };
  const share = (slot.retainedBytes ?? 0) / maxSlotWalKeepBytes;
  const cells = Math.min(BAR_CELLS, Math.round(share * BAR_CELLS));
  const bar = '█'.repeat(cells) + '░'.repeat(BAR_CELLS - cells);
  const safe =
    slot.safeWalBytes === null ? '' : `; safe for ${formatBytes(Math.max(0, slot.safeWalBytes))} more`;
  return {
    text: `${bar} ${kept} of ${formatBytes(maxSlotWalKeepBytes)}, beyond which the slot is lost${safe}`,
    share,
  };
}

/** The line of one source in the store. `perSecond` is null where it wasn't measured. */
export function sourceLine(source: SourceStatus, perSecond: number | null, nowMs: number): StatusLine {
  const number = (value: number | bigint): string => value.toLocaleString('en');
  const label = source.environment === '' ? '' : ` (${source.environment})`;
  const changes = `${number(source.changes)} ${source.changes === 1n ? 'change' : 'changes'}`;
  const ago = (at: string): string => `${formatSeconds(Math.max(0, (nowMs - Date.parse(at)) / 1_000))} ago`;
  const last =
    source.lastCommittedAt === null
      ? ''
      : `, the last committed ${ago(source.lastCommittedAt)}${source.storedAt === null ? '' : `, stored ${ago(source.storedAt)}`}`;
  const unstored =
    source.unstored === 0n ? '' : `; ${number(source.unstored)} could not be stored: see colophon.unstored`;
  const speed = perSecond === null || perSecond < 1 ? '' : `, now ${number(Math.round(perSecond))}/s`;
  return ['Stored', `${source.source}${label}: ${changes}${last}${speed}${unstored}`];
}

/** The line of the store itself. */
export function storeLine({ sizeBytes, partitions, hasDefaultRows }: StoreStatus): StatusLine {
  const month = (name: string): string => name.replace('_', '-');
  const months =
    partitions.length === 0
      ? 'no months yet'
      : partitions.length === 1
        ? `month ${month(partitions[0]!)}`
        : `${partitions.length} months, ${month(partitions[0]!)} to ${month(partitions.at(-1)!)}`;
  const rest = hasDefaultRows ? ', and changes outside of them' : '';
  return ['Store', `${formatBytes(Number(sizeBytes))} with indexes, ${months}${rest}`];
}
