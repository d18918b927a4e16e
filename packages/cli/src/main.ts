import fs from 'node:fs';
import path from 'node:path';
import { CommanderError } from 'commander';
import { loadConfig } from './load-config.js';
import { createProgram, type Runner } from './program.js';
import { reportError } from './report-error.js';
import { resolveSettings } from './settings.js';
import { createTerminal, secretsOf } from './terminal.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs the command line; the process's end is its exit code: 0 only on success. */
async function main(): Promise<void> {
  const terminal = createTerminal(process);
  terminal.hide(
    secretsOf(
      [...process.argv.slice(2), ...Object.values(process.env)].map((text) => text ?? ''),
      process.env,
    ),
  );
  // Who reads `colophon log | head` has all that he wanted.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' && !isSink) process.exit(0);
  });
  process.stderr.on('error', () => {});
  const isSink = process.argv[2] === 'run';
  const interrupted = new AbortController();
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      // The second one means it.
      if (interrupted.signal.aborted) process.exit(130);
      interrupted.abort();
    });
  }
  const { version } = JSON.parse(fs.readFileSync(path.join(__dirname, '../package.json'), 'utf8')) as {
    version: string;
  };
  const runner: Runner = async (command, flags) => {
    const config = await loadConfig(process.cwd(), flags.config);
    terminal.hide(secretsOf([config.source ?? null, config.store ?? null], process.env));
    const settings = resolveSettings(flags, process.env, config);
    // Those that a variable's file gave, too.
    terminal.hide(secretsOf([settings.source, settings.store], process.env));
    if (isSink) await terminal.talkAs(settings.log, settings.logLevel);
    await command({
      settings,
      flags,
      terminal,
      version,
      interrupted: interrupted.signal,
    });
  };
  let code = 0;
  try {
    await createProgram(runner, version, terminal.talk).parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      code = error.exitCode;
    } else {
      code = 1;
      reportError(error, terminal, process.argv.includes('--debug') || Boolean(process.env.COLOPHON_DEBUG));
    }
  }
  terminal.progress(null);
  await terminal.flush();
  // A host that never answers would keep its socket, and so the process.
  process.exit(code);
}

void main();
