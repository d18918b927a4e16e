import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { EXAMPLES } from 'colophon-example-support';
import { expect, it } from 'vitest';

const FOLDER = path.join(import.meta.dirname, '../../examples');

/** The columns of `colophon log`, at the 80 characters that it has where there is no terminal. */
const CELLS = /^(?<when>.{10})(?<who>.{23})(?<what>.{19})(?<changed>.*)$/;

interface Row {
  who: string;
  what: string;
  changed: string;
}

/** The rows of a printed audit trail; each goes on until the next that has a time. */
function rowsOf(output: string): Row[] {
  const rows: Row[] = [];
  for (const line of output.split('\n')) {
    const cells = CELLS.exec(line.padEnd(80))?.groups;
    if (cells === undefined) continue;
    if (/^\d\d:\d\d:\d\d/.test(line)) rows.push({ who: '', what: '', changed: '' });
    const row = rows.at(-1);
    if (row === undefined) continue;
    row.who += `${cells.who!.trim()} `;
    row.what += `${cells.what!.trim()} `;
    row.changed += `${cells.changed!.trim()} `;
  }
  return rows;
}

it.each(Object.keys(EXAMPLES))(
  'npm start of %s ends by itself, prints a right audit trail, and leaves nothing behind',
  async (name) => {
    // A temporary folder of its own shows what the example leaves there.
    const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-example-'));
    fs.chmodSync(temporary, 0o777);
    const { stdout } = await promisify(execFile)('npm', ['start', '--silent'], {
      cwd: path.join(FOLDER, name),
      env: { ...process.env, TMPDIR: temporary, NO_COLOR: '1' },
    });
    const rows = rowsOf(stdout);
    const byJob = rows.filter(({ who }) => who.includes('job: archive-done-todos'));
    const nameless = rows.filter(({ who }) => who.trim() === '–');
    const byUsers = rows.filter((row) => !byJob.includes(row) && !nameless.includes(row));

    expect(byJob.map(({ what }) => what.replace(/\d+/, 'n').trim())).toEqual(Array(9).fill('UPDATE todo n'));
    expect(nameless.map(({ changed }) => changed.trim())).toEqual(['points: 10 → 1000']);
    // Joining differs; the day's work is the same.
    expect(byUsers).toHaveLength(name === 'nest-typeorm' ? 45 : 42);
    for (const user of ['ada', 'grace', 'linus']) {
      const theirs = byUsers.filter(({ who }) => who.startsWith(`user: ${user} `));
      expect(theirs).toHaveLength(byUsers.length / 3);
      for (const { who, changed } of theirs) {
        expect(who).toContain(`requestId: ${user}-`);
        expect(who).toMatch(/endpoint: (POST|PUT|DELETE) \/(accounts|sessions|projects|todos)/);
        // What is written says whose it is.
        const said = /(ada|grace|linus)/.exec(changed)?.[0];
        if (said !== undefined) expect(said).toBe(user);
      }
    }
    expect(processesWith(`TMPDIR=${temporary}`)).toEqual([]);
    expect(fs.readdirSync(temporary)).toEqual([]);
    fs.rmdirSync(temporary);
  },
  120_000,
);

/** The command lines of the processes that were given this environment variable: whatever the example started inherited it. Linux only. */
function processesWith(variable: string): string[] {
  const read = (pid: string, file: string): string[] => {
    try {
      return fs.readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0');
    } catch {
      // Gone, or not ours to read.
      return [];
    }
  };
  return fs
    .readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && read(pid, 'environ').includes(variable))
    .map((pid) => read(pid, 'cmdline').join(' '));
}
