import { type ChildProcessByStdio, spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import type { Readable } from 'node:stream';

const BIN = createRequire(import.meta.url).resolve('colophon/bin/colophon.js');

/** A `colophon` process. */
export interface ColophonProcess {
  readonly pid: number;
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  /** What it said so far. */
  stdout(): string;
  stderr(): string;
  /** The code it ended with, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  hasEnded(): boolean;
}

/** How a command is started. */
export interface StartOptions {
  /** The whole environment. Default: this process's without Colophon's own settings. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Another program in the command's place. */
  program?: string;
}

/** Starts the built command as a user would. Settings of this machine's environment are kept from it. */
export function startColophon(args: readonly string[], options: StartOptions = {}): ColophonProcess {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('COLOPHON_') && name !== 'DATABASE_URL'),
  );
  const child = spawn(process.execPath, [options.program ?? BIN, ...args], {
    env: options.env ?? env,
    cwd: options.cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  let hasEnded = false;
  child.stdout.setEncoding('utf8').on('data', (chunk) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk) => (stderr += chunk));
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      hasEnded = true;
      resolve(code ?? signal ?? -1);
    });
  });
  return {
    pid: child.pid ?? 0,
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    hasEnded: () => hasEnded,
  };
}

/** Runs the command to its end; rejects unless it succeeds. Gives what it wrote to stdout. */
export async function colophon(...args: string[]): Promise<string> {
  const run = startColophon(args);
  const end = await run.ended;
  if (end !== 0) throw new Error(`colophon ${args[0]} ended with ${end}: ${run.stderr().slice(-2000)}`);
  return run.stdout();
}

/** The largest resident memory a process ever had, in bytes; Linux only. Null when it is gone. */
export function peakMemory(pid: number): number | null {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) * 1024;
  } catch {
    return null;
  }
}
