import { ColophonError, formatLsn } from '@colophon/protocol';
import { formatBytes, inspectSource, type SourceState } from '@colophon/setup';
import type { GapRow, SourceStatus } from '@colophon/store';
import { type CommandContext, deadlineOf, sourceNames, withSource } from '../command-context.js';
import { openAuditStore, STORE } from '../open-audit-store.js';
import { pad, visible, wrap } from '../render/display-text.js';
import { gapJson, gapText } from '../render/gap-text.js';
import { formatSeconds } from '../render/progress-line.js';
import type { Settings } from '../settings.js';

/** `status`'s own flags. */
export interface StatusFlags {
  json?: boolean;
}

const GAPS_SHOWN = 5;

/** Shows how far the source is read, and what the store holds. Fails where slot, publication or store are missing. */
export async function status(context: CommandContext<StatusFlags>): Promise<void> {
  const { settings, flags, terminal } = context;
  const deadline = deadlineOf(settings);
  const state = await withSource(settings, deadline, (connection) =>
    inspectSource(connection, sourceNames(settings)),
  );
  const store = await openAuditStore(settings, deadline).catch((error: unknown) => {
    if (error instanceof ColophonError && error.code === 'STORE_MISSING') return error;
    throw error;
  });
  const missing: ColophonError[] = store instanceof ColophonError ? [store] : [];
  const sources = store instanceof ColophonError ? [] : (await deadline.race(store.status(), STORE)).sources;
  const gaps = store instanceof ColophonError ? [] : await deadline.race(store.gaps(), STORE);
  if (state.publication === null) {
    missing.unshift(
      new ColophonError(
        'PUBLICATION_MISSING',
        `There is no publication ${settings.publication}: run colophon init.`,
      ),
    );
  } else if (state.slot === null) {
    missing.unshift(
      new ColophonError('SLOT_MISSING', `There is no replication slot ${settings.slot}: run colophon init.`),
    );
  }
  await terminal.out(
    flags.json === true
      ? `${JSON.stringify(toJson(settings, state, sources, gaps))}\n`
      : toText(settings, state, sources, gaps, terminal.columns, terminal.colors.bold),
  );
  if (missing.length > 0) throw missing[0]!;
}

function toJson(
  settings: Settings,
  state: SourceState,
  sources: readonly SourceStatus[],
  gaps: readonly GapRow[],
): object {
  const { slot, publication, server } = state;
  return {
    source: {
      database: server.database,
      version: server.version,
      slot: settings.slot,
      slot_exists: slot !== null,
      slot_active: slot?.isActive ?? false,
      wal_status: slot?.walStatus ?? null,
      confirmed_flush_lsn: slot?.confirmedFlushLsn == null ? null : formatLsn(slot.confirmedFlushLsn),
      lag_bytes: slot?.lagBytes ?? null,
      retained_bytes: slot?.retainedBytes ?? null,
      publication: settings.publication,
      publication_exists: publication !== null,
      tables: publication?.tables.length ?? 0,
    },
    store: sources.map((source) => ({
      source: source.source,
      environment: source.environment,
      database: source.database,
      slot: source.slot,
      changes: Number(source.changes),
      end_lsn: source.endLsn === null ? null : formatLsn(source.endLsn),
      accounted_lsn: source.accountedLsn === null ? null : formatLsn(source.accountedLsn),
      last_seq: source.lastSeq === null ? null : Number(source.lastSeq),
      last_committed_at: source.lastCommittedAt,
      stored_at: source.storedAt,
      gaps: source.gaps,
    })),
    gaps: gaps.map(gapJson),
  };
}

function toText(
  settings: Settings,
  state: SourceState,
  sources: readonly SourceStatus[],
  gaps: readonly GapRow[],
  columns: number,
  bold: (text: string) => string,
): string {
  const { slot, publication, server } = state;
  const lines: [string, string][] = [
    ['Source', `${server.database} on PostgreSQL ${server.version}`],
    [
      'Publication',
      publication === null
        ? `${settings.publication}: missing`
        : `${settings.publication}, ${publication.tables.length} entries`,
    ],
    ['Slot', slot === null ? `${settings.slot}: missing` : slotText(settings.slot, slot)],
  ];
  for (const source of sources) lines.push(['Stored', sourceText(source)]);
  if (sources.length === 0) lines.push(['Stored', 'nothing yet']);
  if (gaps.length > GAPS_SHOWN) {
    lines.push([
      'Gaps',
      `${gaps.length}, of which the last ${GAPS_SHOWN} are below; all are in colophon.gaps`,
    ]);
  }
  for (const gap of gaps.slice(-GAPS_SHOWN)) lines.push(['Gap', gapText(gap)]);
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines
    .map(([name, text]) => {
      const parts = wrap(visible(text), Math.max(30, columns - width - 2));
      return `${bold(pad(name, width))}  ${parts.join(`\n${' '.repeat(width + 2)}`)}\n`;
    })
    .join('');
}

function slotText(name: string, slot: NonNullable<SourceState['slot']>): string {
  const reader = slot.isActive ? `read by backend process ${slot.activePid}` : 'nobody reads it';
  const lost = slot.invalidation === null ? '' : `, invalidated (${slot.invalidation})`;
  return `${name}: ${reader}, ${formatBytes(slot.lagBytes ?? 0)} behind, ${formatBytes(slot.retainedBytes ?? 0)} of WAL kept${lost}`;
}

function sourceText(source: SourceStatus): string {
  const label = source.environment === '' ? '' : ` (${source.environment})`;
  const last =
    source.lastCommittedAt === null
      ? ''
      : `, the last committed ${formatSeconds((Date.now() - Date.parse(source.lastCommittedAt)) / 1000)} ago`;
  return `${source.source}${label}: ${source.changes} ${source.changes === 1n ? 'change' : 'changes'}${last}`;
}
