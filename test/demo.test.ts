import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const DEMO = fileURLToPath(new URL('../examples/demo/demo.js', import.meta.url));

it('ends by itself, names every change rightly, and leaves nothing behind', async () => {
  // A temporary folder of its own shows what the demo leaves there.
  const temporary = fs.mkdtempSync(`${os.tmpdir()}/colophon-demo-`);
  fs.chmodSync(temporary, 0o777);
  const child = spawn(process.execPath, [DEMO], {
    env: { ...process.env, TMPDIR: temporary, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const [code] = await once(child, 'close');
  expect(errors + output).toBeDefined();
  expect(code, errors).toBe(0);

  const rows = output.split(/├─|┌─/).filter((row) => /CREATE|UPDATE|DELETE/.test(row));
  expect(rows).toHaveLength(20);
  const nameless = rows.filter((row) => row.includes('no context'));
  expect(nameless).toHaveLength(1);
  expect(nameless[0]).toMatch(/account linus/);
  for (const user of ['ada', 'grace', 'linus']) {
    // The text that a user wrote, and the account of a user, are changed by that user alone.
    const theirs = rows.filter((row) => row.includes(`for ${user}`) || row.includes(`account ${user}`));
    expect(theirs.length).toBeGreaterThanOrEqual(3);
    for (const row of theirs) {
      if (row === nameless[0] || row.includes('DELETE')) continue;
      expect(row.split('│')[2]?.trim()).toBe(user);
    }
  }
  expect(fs.readdirSync(temporary)).toEqual([]);
  fs.rmdirSync(temporary);
});
