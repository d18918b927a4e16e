import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top of the checkout. */
export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const PNPM = 'pnpm@10.34.9';

/** Runs a program in the checkout, its output passed through; ends this process with its exit code where that isn't 0. */
export function run(program, args, options = {}) {
  const code = runCode(program, args, options);
  if (code !== 0) {
    console.error(`\n${program} ${args.join(' ')} ended with ${code}.`);
    process.exit(code);
  }
}

/** The same, giving the exit code. */
export function runCode(program, args, options = {}) {
  const shell = process.platform === 'win32';
  const result = spawnSync(program, args, { cwd: root, stdio: 'inherit', shell, ...options });
  if (result.error) throw result.error;
  return result.status ?? 1;
}

/** Installs exactly what the lockfile says: everything, or only these packages with what they depend on. */
export function install(...filters) {
  const chosen = filters.flatMap((filter) => ['--filter', filter]);
  const env = { ...process.env, CI: 'true', npm_config_update_notifier: 'false' };
  run(
    'npx',
    ['-y', PNPM, 'install', '--frozen-lockfile', '--reporter=append-only', '--loglevel=warn', ...chosen],
    { env },
  );
}

/** A program installed in the checkout. */
export function tool(name) {
  return path.join(root, 'node_modules', '.bin', name);
}
