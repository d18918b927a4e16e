import { formatLsn } from '@colophon/protocol';
import type { BaselineStatus } from '@colophon/store';
import { baselineName } from './baseline-line.js';
import { formatSeconds } from './progress-line.js';

/** What there is of baselines, in a line for all that are complete and one for each that isn't. */
export function baselineLines(baselines: readonly BaselineStatus[], nowMs: number): string[] {
  const ago = (time: string): string =>
    `${formatSeconds(Math.max(0, (nowMs - Date.parse(time)) / 1000))} ago`;
  const newest = new Map<string, BaselineStatus>();
  for (const baseline of baselines) {
    if (!baseline.isComplete) continue;
    const { source, environment, database, schema, table, partition } = baseline;
    newest.set(JSON.stringify([source, environment, database, schema, table, partition]), baseline);
  }
  const complete = [...newest.values()];
  const lines = baselines
    .filter((baseline, place) => !baseline.isComplete && !isReplaced(baseline, baselines.slice(place + 1)))
    .map(
      (baseline) =>
        `${baselineName(baseline)}: begun ${ago(baseline.startedAt)}, ${baseline.rows.toLocaleString('en')} rows so far; colophon snapshot goes on`,
    );
  if (complete.length === 0) return lines;
  const rows = complete.reduce((sum, baseline) => sum + baseline.rows, 0n);
  const oldest = complete.map(({ takenAt }) => takenAt ?? '').sort()[0]!;
  const tables = `${complete.length} ${complete.length === 1 ? 'table' : 'tables and partitions'}`;
  return [
    `${tables}, ${rows.toLocaleString('en')} ${rows === 1n ? 'row' : 'rows'}, the oldest ${ago(oldest)}`,
    ...lines,
  ];
}

/** A copy that was begun and then begun anew: nothing goes on with it. */
function isReplaced(baseline: BaselineStatus, later: readonly BaselineStatus[]): boolean {
  return later.some(
    ({ source, environment, database, schema, table, partition }) =>
      source === baseline.source &&
      environment === baseline.environment &&
      database === baseline.database &&
      schema === baseline.schema &&
      table === baseline.table &&
      partition === baseline.partition,
  );
}

/** A copy for programs. */
export function baselineJson(baseline: BaselineStatus): object {
  return {
    source: baseline.source,
    environment: baseline.environment,
    database: baseline.database,
    schema: baseline.schema,
    table: baseline.table,
    partition: baseline.partition,
    complete: baseline.isComplete,
    rows: Number(baseline.rows),
    chunks: baseline.chunks,
    started_at: baseline.startedAt,
    taken_at: baseline.takenAt,
    high_lsn: baseline.highLsn === null ? null : formatLsn(baseline.highLsn),
  };
}
