import { ColophonError, formatLsn } from '@colophon/protocol';
import { type Check, type Deadline, diagnoseSource, type SourceState } from '@colophon/setup';
import type { BaselineStatus, GapRow, SourceStatus, Store, StoreStatus } from '@colophon/store';
import { type CommandContext, deadlineOf, sourceNames, withSource } from '../command-context.js';
import { openAuditStore, STORE } from '../open-audit-store.js';
import { baselineJson, baselineLines } from '../render/baseline-status.js';
import { renderChecks } from '../render/checks.js';
import { pad, visible, wrap } from '../render/display-text.js';
import { gapJson, gapText, isUntracking } from '../render/gap-text.js';
import { type StatusLine, slotLines, sourceLine, storeLine } from '../render/status-lines.js';
import type { Settings } from '../settings.js';
import type { Terminal } from '../terminal.js';

/** `status`'s own flags. */
export interface StatusFlags {
  json?: boolean;
  environment?: string;
  name?: string;
}

const SPEED_MS = 1_000;
const GAPS_SHOWN = 5;

/** Shows how far the source is read, and what the store holds. Fails where slot, publication or store are missing. */
export async function status(context: CommandContext<StatusFlags>): Promise<void> {
  const { settings, flags, terminal } = context;
  const deadline = deadlineOf(settings, context.interrupted);
  const { state, checks } = await withSource(settings, deadline, (connection) =>
    diagnoseSource(connection, { ...settings, names: sourceNames(settings) }),
  );
  const store = await openAuditStore(settings, deadline).catch((error: unknown) => {
    if (error instanceof ColophonError && error.code === 'STORE_MISSING') return error;
    throw error;
  });
  const missing: ColophonError[] = store instanceof ColophonError ? [store] : [];
  const held = store instanceof ColophonError ? null : await deadline.race(store.status(), STORE);
  const isWanted = ({ source, environment }: { source: string; environment: string }): boolean =>
    source === (flags.name ?? source) && environment === (flags.environment ?? environment);
  const sources = (held?.sources ?? []).filter(isWanted);
  const gaps =
    store instanceof ColophonError ? [] : (await deadline.race(store.gaps(), STORE)).filter(isWanted);
  const baselines =
    store instanceof ColophonError ? [] : (await deadline.race(store.baselines(), STORE)).filter(isWanted);
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
  const problems = problemsOf(checks, missing);
  if (flags.json === true) {
    const data = {
      ...toJson(settings, state, sources),
      ...extras(state, held, problems),
      gaps: gaps.map(gapJson),
      baselines: baselines.map(baselineJson),
    };
    await terminal.out(`${JSON.stringify(data)}\n`);
  } else {
    const speeds = await measure(store, state, sources, deadline);
    await terminal.out(
      toText(settings, state, sources, held, gaps, baselines, speeds, terminal) +
        problemText(problems, terminal),
    );
  }
  if (missing.length > 0) throw missing[0]!;
}

function toJson(settings: Settings, state: SourceState, sources: readonly SourceStatus[]): object {
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
      unstored: Number(source.unstored),
      end_lsn: source.endLsn === null ? null : formatLsn(source.endLsn),
      accounted_lsn: source.accountedLsn === null ? null : formatLsn(source.accountedLsn),
      last_seq: source.lastSeq === null ? null : Number(source.lastSeq),
      last_committed_at: source.lastCommittedAt,
      stored_at: source.storedAt,
      gaps: source.gaps,
    })),
  };
}

/** What came after the first form of the object. */
function extras({ slot }: SourceState, held: StoreStatus | null, problems: readonly Check[]): object {
  return {
    slot: {
      active_pid: slot?.activePid ?? null,
      safe_wal_bytes: slot?.safeWalBytes ?? null,
      max_retained_bytes: slot?.maxRetainedBytes ?? null,
    },
    store_size_bytes: held === null ? null : Number(held.sizeBytes),
    store_partitions: held?.partitions ?? [],
    problems,
  };
}

/** What is wrong with the source, but for what ends the command anyway, and for what is said of the WAL in its own line. */
function problemsOf(checks: readonly Check[], missing: readonly ColophonError[]): Check[] {
  const ending = missing[0]?.code;
  return checks.filter(
    ({ name, verdict, code }) =>
      verdict !== 'ok' && name !== 'wal retention' && (code === null || code !== ending),
  );
}

function problemText(problems: readonly Check[], { columns, colors }: Terminal): string {
  return problems.length === 0 ? '' : `\n${renderChecks(problems, columns, colors)}`;
}

/** Changes a second of each source, counted over a second; none where nobody is at work. */
async function measure(
  store: Store | ColophonError,
  { slot }: SourceState,
  before: readonly SourceStatus[],
  deadline: Deadline,
): Promise<readonly number[] | null> {
  if (store instanceof ColophonError || slot?.isActive !== true) return null;
  const startedAtMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, Math.min(SPEED_MS, deadline.remainingMs / 4)));
  const { sources: after } = await deadline.race(store.status(), STORE);
  const seconds = (performance.now() - startedAtMs) / 1_000;
  return before.map((source) => {
    const now = after.find(
      ({ source: name, environment, database }) =>
        name === source.source && environment === source.environment && database === source.database,
    );
    return Number((now?.changes ?? source.changes) - source.changes) / seconds;
  });
}

function toText(
  settings: Settings,
  state: SourceState,
  sources: readonly SourceStatus[],
  held: StoreStatus | null,
  gaps: readonly GapRow[],
  baselines: readonly BaselineStatus[],
  speeds: readonly number[] | null,
  { columns, colors }: Terminal,
): string {
  const { slot, publication, server } = state;
  const lines: StatusLine[] = [
    ['Source', `${server.database} on PostgreSQL ${server.version}`],
    publication === null
      ? ['Publication', `${settings.publication}: missing`, colors.red]
      : [
          'Publication',
          `${settings.publication}, ${publication.tables.length} ${publication.tables.length === 1 ? 'entry' : 'entries'}`,
        ],
    ...(slot === null
      ? [['Slot', `${settings.slot}: missing`, colors.red] as const]
      : slotLines(settings.slot, slot, server, colors)),
  ];
  const nowMs = Date.now();
  for (const [at, source] of sources.entries()) {
    const isRead =
      source.slot === settings.slot &&
      source.database === server.database &&
      source.systemIdentifier === server.systemIdentifier;
    lines.push(sourceLine(source, isRead ? (speeds?.[at] ?? null) : null, nowMs));
  }
  if (sources.length === 0) lines.push(['Stored', 'nothing yet']);
  if (held !== null) lines.push(storeLine(held));
  if (gaps.length > GAPS_SHOWN) {
    const text = `${gaps.length}, of which the last ${GAPS_SHOWN} are below; all are in colophon.gaps`;
    lines.push(['Gaps', text, colors.yellow]);
  }
  for (const gap of gaps.slice(-GAPS_SHOWN)) {
    lines.push(['Gap', gapText(gap), isUntracking(gap) ? colors.dim : colors.yellow]);
  }
  for (const line of baselineLines(baselines, nowMs)) lines.push(['Baseline', line]);
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines
    .map(([name, text, paint = (part) => part]) => {
      const parts = wrap(visible(text), Math.max(30, columns - width - 2)).map(paint);
      return `${colors.bold(pad(name, width))}  ${parts.join(`\n${' '.repeat(width + 2)}`)}\n`;
    })
    .join('');
}
