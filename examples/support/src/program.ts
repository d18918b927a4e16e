import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Where a program runs. */
export interface ProgramOptions {
  cwd?: string;
  /** Added to this process's environment. */
  env?: Record<string, string>;
  /** Whether its stdout goes to this process's: for what a person is to see. Default: it is kept. */
  showsOutput?: boolean;
}

/** A Node program that runs beside this one. */
export interface Program {
  /** What it wrote so far, to stdout and stderr. */
  talk(): string;
  hasEnded(): boolean;
  /** Its exit code; -1 where a signal ended it. */
  readonly ended: Promise<number>;
  /** The first text in its stdout that matches; rejects where the program ends without it. */
  says(pattern: RegExp): Promise<string>;
  /** Asks it to stop and waits until it has. */
  stop(): Promise<void>;
}

/** Starts a Node program. */
export function startProgram(args: readonly string[], options: ProgramOptions = {}): Program {
  const child = spawn(process.execPath, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', options.showsOutput ? 'inherit' : 'pipe', 'pipe'],
  });
  let talk = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (chunk) => (talk += chunk));
  const ended = once(child, 'close').then(([code]) => (code as number | null) ?? -1);
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  return {
    talk: () => talk,
    hasEnded,
    ended,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        child.stdout?.on('data', () => {
          const found = pattern.exec(talk)?.[0];
          if (found !== undefined) resolve(found);
        });
        ended.then((code) => reject(new Error(`${args.join(' ')} ended with ${code}:\n${talk}`)), reject);
      }),
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Runs a Node program to its end; rejects unless it succeeds. Gives what it wrote. */
export async function runProgram(args: readonly string[], options: ProgramOptions = {}): Promise<string> {
  const program = startProgram(args, options);
  const code = await program.ended;
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}:\n${program.talk()}`);
  return program.talk();
}
