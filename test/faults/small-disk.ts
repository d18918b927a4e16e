import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Fault } from './fault.js';
import { sleep } from './victim.js';

const NOBODY = 65_534;

/** A file system of its own in memory: what it has no room for is refused by the kernel (ENOSPC). */
export interface SmallDisk {
  readonly folder: string;
  fill(): void;
  makeRoom(): void;
  unmount(): void;
}

/** Mounts one, for a server that runs as nobody. Only root may. */
export function mountSmallDisk(megabytes: number): SmallDisk {
  const base = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'tmpfs', base]);
  fs.chmodSync(base, 0o755);
  const folder = path.join(base, 'tablespace');
  fs.mkdirSync(folder);
  fs.chownSync(folder, NOBODY, NOBODY);
  const ballast = path.join(base, 'ballast');
  return {
    folder,
    fill() {
      const file = fs.openSync(ballast, 'a');
      try {
        for (const piece of [Buffer.alloc(2 ** 20), Buffer.alloc(4096)]) {
          for (;;) {
            try {
              if (fs.writeSync(file, piece) < piece.length) break;
            } catch (error) {
              if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
              break;
            }
          }
        }
      } finally {
        fs.closeSync(file);
      }
    },
    makeRoom() {
      fs.rmSync(ballast, { force: true });
    },
    unmount() {
      execFileSync('umount', ['-l', base]);
      fs.rmSync(base, { recursive: true, force: true });
    },
  };
}

/** The disk of the store's database is full, and then has room again. */
export function storeDiskFull(disk: SmallDisk): Fault {
  return {
    name: 'store: out of disk',
    async strike(victim) {
      disk.fill();
      try {
        await victim.rest(false);
        victim.consumer().child.kill('SIGCONT');
        // Free room in pages that are there already is used up first.
        await victim.database.client.query(
          `INSERT INTO no_key SELECT i, repeat(md5(i::text), 20) FROM generate_series(1, 2000) i`,
        );
        const before = victim.consumer().stderr().length;
        while (!/53100|No space left|room on the store/.test(victim.consumer().stderr().slice(before))) {
          if (victim.consumer().hasEnded()) return;
          await sleep(20);
        }
      } finally {
        disk.makeRoom();
      }
    },
  };
}
