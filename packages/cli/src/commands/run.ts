import { type Consumer, createConsumer, ndjsonSink } from '@colophon/core';
import { ColophonError, formatLsn, type Logger, type Sink } from '@colophon/protocol';
import { checkUrl } from '@colophon/setup';
import { PostgresStore, type UnstoredRecord } from '@colophon/store';
import type { CommandContext } from '../command-context.js';
import { countingSink } from '../counting-sink.js';
import { knownFacts, type LogLevel } from '../log/log-facts.js';
import { fetchRedaction, fetchSignature } from '../protection.js';
import { unstoredFarewell, unstoredLine } from '../render/unstored-line.js';
import { reportRun } from '../report-run.js';
import { sourceUrl, storeUrl } from '../settings.js';
import type { Terminal } from '../terminal.js';
import { RunWatch } from '../watch/watch-run.js';
import { watchForTrouble } from '../watch-for-trouble.js';

/** `run`'s own flags. */
export interface RunFlags {
  once?: boolean;
  sink?: string;
  verbose?: boolean;
}

const FAREWELL_MS = 500;
/** Each record that can't be stored is a line, up to so many: `status` counts them all. */
const MAX_UNSTORED_SAID = 100;

/** Reads the source and stores what changed, until it is stopped; with `--once` up to now. */
export async function run(context: CommandContext<RunFlags>): Promise<void> {
  const { settings, flags, terminal, interrupted } = context;
  const source = sourceUrl(settings);
  checkUrl(source, 'source');
  const redaction = fetchRedaction(settings, process.env, terminal.hide);
  const signature = fetchSignature(settings.signature, process.env, terminal.hide);
  let unstored = 0;
  const target = chooseSink(context, (record) => {
    const { sqlstate, commitLsn: lsn } = record;
    watch.putAside();
    if (++unstored > MAX_UNSTORED_SAID) return;
    terminal.talk(unstoredLine(record), { level: 'warn', code: 'RECORD_UNSTORED', sqlstate, lsn });
  });
  const hasStore = (flags.sink ?? 'store') === 'store';
  const watch = await RunWatch.begin({ settings, terminal, version: context.version, hasStore });
  const sink = countingSink(watch.metered(target));
  const consumer = createConsumer({
    source,
    slot: settings.slot,
    publication: settings.publication,
    environment: settings.environment,
    prefixes: settings.prefixes,
    connectTimeoutMs: settings.timeoutMs,
    sink,
    logger: consumerLogger(terminal),
    ...(redaction === undefined ? {} : { redact: redaction.rules, columns: redaction.columns }),
    ...(signature === undefined ? {} : { signature }),
    ...(settings.name === null ? {} : { name: settings.name }),
    ...(flags.once === true ? { slotTimeoutMs: settings.timeoutMs } : {}),
  });
  const report = reportRun(consumer, sink, terminal, settings.slot);
  if (flags.once !== true || settings.listen !== null) watch.follow(consumer, sink);
  const stop = (): void => {
    terminal.talk('Stopping: what is whole is being stored.', { state: 'stopping' });
    consumer.stop();
  };
  interrupted.addEventListener('abort', stop);
  const running = consumer.run();
  running.catch(() => {});
  // A signal that came while the settings were read.
  if (interrupted.aborted) stop();
  const trouble = watchForTrouble(consumer, settings.timeoutMs, flags.once === true);
  let isSuccess = false;
  try {
    if (flags.once === true) {
      await Promise.race([consumer.drain(), trouble.found, running.then(() => Promise.reject(notDrained()))]);
    } else {
      await Promise.race([running, trouble.found]);
    }
    isSuccess = true;
  } finally {
    // What failed may never answer: it is not waited for as long.
    await within(consumer.stop(), isSuccess ? settings.timeoutMs : FAREWELL_MS);
    trouble.end();
    report.end();
    watch.end();
  }
  if (flags.once === true && interrupted.aborted) throw notDrained();
  farewell(consumer, terminal);
  if (unstored > 0) {
    terminal.talk(unstoredFarewell(unstored), { level: 'warn', code: 'RECORD_UNSTORED', changes: unstored });
  }
}

function notDrained(): ColophonError {
  return new ColophonError('STOPPED', 'Stopped before everything up to now was stored: run it again.', {
    retryable: true,
  });
}

async function within(work: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([
    work,
    new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    }),
  ]).finally(() => clearTimeout(timer));
}

function chooseSink(context: CommandContext<RunFlags>, onUnstored: (record: UnstoredRecord) => void): Sink {
  const kind = context.flags.sink ?? 'store';
  if (kind === 'store') {
    const url = storeUrl(context.settings);
    checkUrl(url, 'store');
    return new PostgresStore({
      url,
      applicationName: 'colophon run',
      logger: talkingLogger(context.terminal),
      onUnstored,
    });
  }
  if (kind === 'ndjson') return ndjsonSink(process.stdout);
  throw new ColophonError('INVALID_OPTION', `--sink is store or ndjson, got ${JSON.stringify(kind)}.`);
}

function farewell(consumer: Consumer, terminal: Terminal): void {
  const { changes, transactions, state, storedLsn } = consumer.status();
  terminal.progress(null);
  terminal.talk(
    `Stored ${changes} ${changes === 1 ? 'change' : 'changes'} of ${transactions} ${transactions === 1 ? 'transaction' : 'transactions'}.`,
    { state, changes, transactions, lsn: formatLsn(storedLsn) },
  );
}

/** What a library says, as talk. */
function talkingLogger(terminal: Terminal): Logger {
  const say =
    (level: LogLevel) =>
    (details: object, message: string): void =>
      terminal.talk(terminal.isJson ? message : `${level} ${message}`, { ...knownFacts(details), level });
  return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
}

/** The consumer's failures are told by its events. */
function consumerLogger(terminal: Terminal): Logger {
  return { ...talkingLogger(terminal), warn: () => {} };
}
