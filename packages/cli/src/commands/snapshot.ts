import { type BaselineResult, takeBaselines } from '@colophon/core';
import { ColophonError } from '@colophon/protocol';
import { checkUrl, parseTableNames, type TableName } from '@colophon/setup';
import { PostgresBaselines } from '@colophon/store';
import type { CommandContext } from '../command-context.js';
import { fetchRedaction } from '../protection.js';
import { baselineLine, baselineName } from '../render/baseline-line.js';
import { type Settings, sourceUrl, storeUrl } from '../settings.js';
import type { Terminal } from '../terminal.js';

/** `snapshot`'s own flags, and the tables named behind it. */
export interface SnapshotFlags {
  named?: string[];
  json?: boolean;
  chunkRows?: string;
}

/** Copies tables as they are now into the store, where each row's changes follow it; continues what was broken off. */
export async function snapshot(context: CommandContext<SnapshotFlags>): Promise<void> {
  const { settings, flags, terminal, interrupted } = context;
  const named = (flags.named ?? []).flatMap((name) => parseTableNames(name));
  const results = await copyTables(settings, terminal, interrupted, {
    tables: named.length === 0 ? null : named,
    onlyMissing: named.length === 0,
    ...(flags.chunkRows === undefined ? {} : { chunkRows: chunkRows(flags.chunkRows) }),
  });
  if (flags.json === true) {
    for (const result of results) await terminal.out(`${JSON.stringify(toJson(result))}\n`);
  }
  if (results.length === 0) terminal.talk('Every tracked table has a baseline already.');
}

/** Which tables are copied. */
interface CopyWish {
  /** Null: all that are tracked. */
  readonly tables: readonly TableName[] | null;
  /** Leaves out what has a complete baseline. */
  readonly onlyMissing: boolean;
  readonly chunkRows?: number;
}

/** Copies tables, and says on the terminal where it stands and what was done. */
export async function copyTables(
  settings: Settings,
  terminal: Terminal,
  signal: AbortSignal,
  wish: CopyWish,
): Promise<BaselineResult[]> {
  const source = sourceUrl(settings);
  checkUrl(source, 'source');
  const store = storeUrl(settings);
  checkUrl(store, 'store');
  const redaction = fetchRedaction(settings, process.env, terminal.hide);
  const results = await takeBaselines({
    source,
    sink: new PostgresBaselines({
      url: store,
      applicationName: 'colophon snapshot',
      connectTimeoutMs: settings.timeoutMs,
    }),
    slot: settings.slot,
    publication: settings.publication,
    environment: settings.environment,
    timeoutMs: settings.timeoutMs,
    signal,
    onlyMissing: wish.onlyMissing,
    onProgress: (step) => terminal.progress(`… ${baselineLine(step)}`),
    onDone: (result) => terminal.talk(`✓ ${doneText(result)}`),
    ...(redaction === undefined ? {} : { redact: redaction.rules, columns: redaction.columns }),
    ...(settings.name === null ? {} : { name: settings.name }),
    ...(wish.tables === null ? {} : { tables: wish.tables }),
    ...(wish.chunkRows === undefined ? {} : { chunkRows: wish.chunkRows }),
  });
  terminal.progress(null);
  return results;
}

function doneText({ table, rows, isResumed }: BaselineResult): string {
  const count = `${rows.toLocaleString('en')} ${rows === 1n ? 'row' : 'rows'}`;
  return `${baselineName(table)}: baseline of ${count}${isResumed ? ', continued' : ''}`;
}

function chunkRows(text: string): number {
  const rows = Number(text);
  if (/^\d+$/.test(text) && rows >= 1 && rows <= 1_000_000) return rows;
  throw new ColophonError(
    'INVALID_OPTION',
    `--chunk-rows is a number from 1 to 1000000, got ${JSON.stringify(text)}.`,
  );
}

function toJson({ table, rows, chunks, isResumed }: BaselineResult): object {
  const { schema, table: name, partition } = table;
  return { schema, table: name, partition, rows: Number(rows), chunks, resumed: isResumed };
}
