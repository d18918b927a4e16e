import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const BIN = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../packages/cli/bin/colophon.js');

/** Starts the built command between a source and a store. */
export function startColophon(url, storeUrl, ...args) {
  const env = { ...process.env, DATABASE_URL: url, COLOPHON_STORE_URL: storeUrl };
  return spawn(process.execPath, [BIN, ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Runs the built command to its end. */
export function colophon(url, storeUrl, ...args) {
  return succeed(startColophon(url, storeUrl, ...args));
}

/** Waits for a process that must not fail. */
export async function succeed(child) {
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${child.spawnargs.slice(1, 3).join(' ')} ended with ${code}`);
}
