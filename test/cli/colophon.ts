import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach } from 'vitest';
import { type StartOptions, startColophon as start } from '../colophon-command.js';

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
  /** Resolves when the output so far holds the text, so many times; rejects when the command ends without. */
  said(text: string, stream?: 'stdout' | 'stderr', times?: number): Promise<void>;
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

/** Starts the built command in a folder and an environment without settings; it may not outlive its test. */
export function startColophon(args: string[], options: StartOptions = {}): Running {
  const startedAt = performance.now();
  const { child, stdout, stderr, ended } = start(args, {
    cwd: options.cwd ?? EMPTY,
    env: { PATH: process.env.PATH, ...options.env },
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const output = { stdout, stderr };
  const listeners = new Set<() => void>();
  const look = () => {
    for (const listener of listeners) listener();
  };
  child.stdout.on('data', look);
  child.stderr.on('data', look);
  const finished = ended.then(() => {
    look();
    const { exitCode: code, signalCode: signal } = child;
    return { code, signal, stdout: stdout(), stderr: stderr(), ms: performance.now() - startedAt };
  });
  return {
    child,
    finished,
    said(text, stream = 'stderr', times = 1) {
      return new Promise((resolve, reject) => {
        const listen = () => {
          if (output[stream]().split(text).length > times) resolve();
          else if (child.exitCode !== null) {
            const words = stderr() + stdout();
            reject(
              new Error(`ended with ${child.exitCode} without saying ${JSON.stringify(text)}: ${words}`),
            );
          } else return;
          listeners.delete(listen);
        };
        listeners.add(listen);
        listen();
      });
    },
  };
}

/** Runs the built command to its end. */
export function colophon(args: string[], options: StartOptions = {}): Promise<Finished> {
  return startColophon(args, options).finished;
}
