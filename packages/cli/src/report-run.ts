import type { Consumer } from '@colophon/core';
import { formatLsn } from '@colophon/protocol';
import type { CountingSink } from './counting-sink.js';
import { isUntracking } from './render/gap-text.js';
import { isCatchingUp, progressLine } from './render/progress-line.js';
import type { Terminal } from './terminal.js';

const PROGRESS_MS = 500;
/** The same is said again after so long, while nothing is stored: an outage of an hour is a dozen lines a cause. */
const SAY_AGAIN_MS = 300_000;
const MAX_REMEMBERED = 100;

/** Says what a consumer does: changes of state, failures that will be tried again, and where it stands while it catches up. */
export function reportRun(
  consumer: Consumer,
  sink: CountingSink,
  terminal: Terminal,
  slot: string,
): { end(): void } {
  const saidAtMs = new Map<string, number>();
  let readingLine = '';
  /** Whether it was said now. */
  const sayOnce = (...[line, facts]: Parameters<Terminal['talk']>): boolean => {
    const now = performance.now();
    if (now - (saidAtMs.get(line) ?? Number.NEGATIVE_INFINITY) < SAY_AGAIN_MS) return false;
    // Lines that hold what differs each time would gather here.
    if (saidAtMs.size >= MAX_REMEMBERED) saidAtMs.clear();
    saidAtMs.set(line, now);
    terminal.talk(line, facts);
    return true;
  };
  consumer.on('state', (state) => {
    if (state === 'waiting') {
      sayOnce(`Slot ${slot} is in use by another consumer: waiting for it.`, { state, slot });
    }
    // A sink that opens and refuses each flush is no news each time.
    if (state === 'streaming') {
      const { source, storedLsn } = consumer.status();
      const { name = '', environment = '' } = source ?? {};
      const lsn = formatLsn(storedLsn);
      readingLine = `Reading ${name} from slot ${slot}.`;
      sayOnce(readingLine, { state, slot, source: name, environment, lsn });
    }
  });
  // What is given to a sink again and again is no progress.
  let isInTrouble = false;
  consumer.on('warning', (error) => {
    isInTrouble = true;
    const message = `${error.message.replace(/[.\s]*$/, '')}: trying again.`;
    const isNews = sayOnce(message, {
      level: 'warn',
      code: error.code,
      state: consumer.status().state,
      slot,
    });
    // After new trouble it is worth saying that it is over.
    if (isNews) saidAtMs.delete(readingLine);
  });
  consumer.on('stored', () => {
    isInTrouble = false;
    if (saidAtMs.size > 0) saidAtMs.clear();
  });
  consumer.on('gap', (gap) => {
    if (isUntracking(gap)) {
      const lsn = gap.fromLsn === null ? {} : { lsn: formatLsn(gap.fromLsn) };
      const tables = gap.tables?.join(', ') ?? 'all tables';
      terminal.talk(`No longer tracked: ${tables} (${gap.approvedBy}). Recorded in colophon.gaps.`, {
        slot,
        ...lsn,
      });
      return;
    }
    terminal.talk(`Gap in the audit (${gap.reason}): ${gap.detail} Recorded in colophon.gaps.`, {
      level: 'warn',
      reason: gap.reason,
      slot,
      ...(gap.toLsn === null ? {} : { lsn: formatLsn(gap.toLsn) }),
    });
  });
  consumer.on('unverified', ({ refusals, count, xid, commitLsn }) => {
    const reasons = Object.entries(refusals).map(([reason, times]) => `${times} ${reason}`);
    const lsn = formatLsn(commitLsn);
    const which = `${count} ${count === 1 ? 'context is' : 'contexts are'} not verified`;
    terminal.talk(`${which} (${reasons.join(', ')}), the last in transaction ${xid} at ${lsn}.`, {
      level: 'warn',
      slot,
      lsn,
    });
  });
  consumer.on('renamed', ({ schema, table, column, redacted }) => {
    terminal.talk(
      `Column ${column} of ${schema}.${table} was renamed; its redaction rule is applied to ${redacted.join(', ')}: give the rule the new name.`,
      { level: 'warn', slot },
    );
  });
  let last = { written: 0, atMs: performance.now() };
  let wasBehind = false;
  const timer = setInterval(() => {
    const status = consumer.status();
    const now = performance.now();
    const { written } = sink;
    const movement = { written, changesPerSecond: (written - last.written) / ((now - last.atMs) / 1000) };
    last = { written, atMs: now };
    const isBehind = status.state === 'streaming' && !isInTrouble && isCatchingUp(status, movement);
    if ((isBehind && movement.changesPerSecond > 0) || isBehind !== wasBehind) {
      terminal.progress(progressLine(status, movement), {
        slot,
        state: status.state,
        lsn: formatLsn(status.storedLsn),
        changes: status.changes,
        transactions: status.transactions,
        changesPerSecond: Math.round(movement.changesPerSecond),
        delayMs: status.lastDelayMs,
      });
    }
    wasBehind = isBehind;
  }, PROGRESS_MS);
  return { end: () => clearInterval(timer) };
}
