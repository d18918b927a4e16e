import type { Consumer } from '@colophon/core';
import { formatLsn } from '@colophon/protocol';
import type { CountingSink } from './counting-sink.js';
import { isCatchingUp, progressLine } from './render/progress-line.js';
import type { Terminal } from './terminal.js';

const PROGRESS_MS = 500;

/** Says what a consumer does: changes of state, failures that will be tried again, and where it stands while it catches up. */
export function reportRun(
  consumer: Consumer,
  sink: CountingSink,
  terminal: Terminal,
  slot: string,
): { end(): void } {
  let lastWarning = '';
  consumer.on('state', (state) => {
    if (state === 'waiting') {
      terminal.talk(`Slot ${slot} is in use by another consumer: waiting for it.`, { state, slot });
    }
    if (state === 'streaming') {
      const { source, storedLsn } = consumer.status();
      const { name = '', environment = '' } = source ?? {};
      const lsn = formatLsn(storedLsn);
      terminal.talk(`Reading ${name} from slot ${slot}.`, { state, slot, source: name, environment, lsn });
      lastWarning = '';
    }
  });
  consumer.on('warning', (error) => {
    // The same trouble tried again and again is said once.
    if (error.message === lastWarning) return;
    lastWarning = error.message;
    const message = `${error.message.replace(/[.\s]*$/, '')}: trying again.`;
    terminal.talk(message, { level: 'warn', code: error.code, state: consumer.status().state, slot });
  });
  consumer.on('unverified', ({ refusals, count, xid, commitLsn }) => {
    const reasons = Object.entries(refusals).map(([reason, times]) => `${times} ${reason}`);
    terminal.talk(
      `${count} ${count === 1 ? 'context is' : 'contexts are'} not verified (${reasons.join(', ')}), the last in transaction ${xid} at ${formatLsn(commitLsn)}.`,
    );
  });
  consumer.on('renamed', ({ schema, table, column, redacted }) => {
    terminal.talk(
      `Column ${column} of ${schema}.${table} was renamed; its redaction rule is applied to ${redacted.join(', ')}: give the rule the new name.`,
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
    const isBehind = status.state === 'streaming' && isCatchingUp(status, movement);
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
