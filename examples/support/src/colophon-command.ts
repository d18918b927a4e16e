import { createRequire } from 'node:module';
import path from 'node:path';
import { type Program, type ProgramOptions, runProgram, startProgram } from './program.js';

/** Starts the `colophon` command that is installed in this folder, on this database. */
export function startColophon(
  folder: string,
  url: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Program {
  return startProgram([command(folder), ...args], withDatabase(url, options));
}

/** Runs it to its end; rejects unless it succeeds. */
export function colophon(
  folder: string,
  url: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<string> {
  return runProgram([command(folder), ...args], withDatabase(url, options));
}

function command(folder: string): string {
  return createRequire(path.join(folder, 'package.json')).resolve('colophon/bin/colophon.js');
}

function withDatabase(url: string, options: ProgramOptions): ProgramOptions {
  return { ...options, env: { ...options.env, DATABASE_URL: url } };
}
