import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';

const BIN = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../packages/cli/bin/colophon.js');

/** What a finished command left. */
export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** How long it took. */
  ms: number;
}

/** A command under way. */
export interface Running {
  child: ChildProcess;
  finished: Promise<Finished>;
  /** Resolves when the output so far holds the text; rejects when the command ends without. */
  said(text: string, stream?: 'stdout' | 'stderr'): Promise<void>;
}

/** How a command is started. */
export interface StartOptions {
  env?: Record<string, string>;
  cwd?: string;
}

// A folder without a settings file.
const EMPTY = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-cli-'));
process.on('exit', () => fs.rmSync(EMPTY, { recursive: true, force: true }));

const running = new Set<ChildProcess>();
// Where another hook has failed, ours below is not run.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
afterEach(() => {
  const leaked = running.size;
  for (const child of running) child.kill('SIGKILL');
  if (leaked > 0) throw new Error(`${leaked} commands were still running at the test's end`);
});

/** Starts the built command in a clean environment. */
export function startColophon(args: string[], options: StartOptions = {}): Running {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd: options.cwd ?? EMPTY,
    env: { PATH: process.env.PATH, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const output = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
      for (const listener of listeners) listener();
    });
  }
  const finished = once(child, 'close').then(([code, signal]) => {
    for (const listener of listeners) listener();
    return { code, signal, ...output, ms: performance.now() - startedAt };
  });
  return {
    child,
    finished,
    said(text, stream = 'stderr') {
      return new Promise((resolve, reject) => {
        const look = () => {
          if (output[stream].includes(text)) resolve();
          else if (child.exitCode !== null) {
            reject(
              new Error(
                `ended with ${child.exitCode} without saying ${JSON.stringify(text)}: ${output.stderr}${output.stdout}`,
              ),
            );
          } else return;
          listeners.delete(look);
        };
        listeners.add(look);
        look();
      });
    },
  };
}

/** Runs the built command to its end. */
export function colophon(args: string[], options: StartOptions = {}): Promise<Finished> {
  return startColophon(args, options).finished;
}
