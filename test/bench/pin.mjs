import { spawnSync } from 'node:child_process';
import os from 'node:os';

/**
 * Keeps this process and the server each on a core of its own while `work` runs. Left alone, the scheduler puts one
 * backend beside the client and another not, and equal connections differ by a factor of two.
 */
export async function pinned(server, work) {
  const last = os.cpus().length - 1;
  const canPin = last > 0 && spawnSync('taskset', ['--version']).status === 0;
  if (!canPin) return work();
  const pin = (cores, pid) => spawnSync('taskset', ['-acp', cores, String(pid)]);
  pin('0', process.pid);
  pin('1', server.pid);
  try {
    return await work();
  } finally {
    for (const pid of [process.pid, server.pid]) pin(`0-${last}`, pid);
  }
}
