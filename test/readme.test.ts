import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs, { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { launchPostgres } from '@colophon/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { sql } from './cli/catalog-snapshot.js';
import { startColophon } from './cli/colophon.js';
import { nativeDir } from './embedded-postgres.js';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

it('shows in the README what the example runs, word for word', () => {
  const example = /\/\/ #region quickstart\n(.*?)\n *\/\/ #endregion/s.exec(
    read('examples/demo/app.js'),
  )?.[1];
  const shown = /<!-- from examples\/demo\/app\.js -->\n```js\n(.*?)\n```/s.exec(read('README.md'))?.[1];
  expect(example).toBeDefined();
  expect(shown).toBe(example?.replace(/^ {2}/gm, ''));
  for (const line of [
    /import \{[^}]*runWithContext[^}]*\} from '@colophon\/context'/,
    /import \{ instrument \} from '@colophon\/pg'/,
  ]) {
    expect(read('examples/demo/app.js')).toMatch(line);
    expect(read('README.md')).toMatch(line);
  }
});

it('links only to files that are there', () => {
  for (const [, target] of read('README.md').matchAll(/\]\(([^)#:]+)\)/g)) {
    expect(() => read(target as string), target).not.toThrow();
  }
});

it('takes a newcomer from nothing to the first record, line by line', async () => {
  const [, rest = ''] = read('README.md').split('## Beside it: two commands');
  const section = rest.split('\n## ')[0]!;
  const blocks = (language: string) =>
    [...section.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map(([, text]) =>
      text!.trim(),
    );
  const [init, run, log, ...more] = blocks('sh').flatMap((block) => block.split('\n'));
  const [query] = blocks('sql');
  expect(more).toEqual([]);

  const server = await launchPostgres({ native: nativeDir(18) });
  onTestFinished(() => server.stop());
  const url = server.url();
  await sql(
    url,
    'CREATE TABLE todo (id int PRIMARY KEY, title text)',
    'CREATE TABLE account (name text PRIMARY KEY)',
    "INSERT INTO todo VALUES (7, 'as it was')",
  );
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-readme-'));
  onTestFinished(() => fs.rmSync(folder, { recursive: true }));
  const bin = createRequire(import.meta.url).resolve('colophon/bin/colophon.js');
  fs.writeFileSync(path.join(folder, 'colophon'), `#!/bin/sh\nexec "${process.execPath}" "${bin}" "$@"\n`, {
    mode: 0o755,
  });
  const options = { cwd: folder, env: { PATH: `${folder}:${process.env.PATH}`, COLUMNS: '120' } };
  const line = (text = '') => text.replaceAll('postgres://…', url);

  await promisify(execFile)('sh', ['-c', line(init)], options);
  const running = spawn('sh', ['-c', `exec ${line(run)}`], { ...options, stdio: 'ignore' });
  onTestFinished(() => {
    running.kill('SIGKILL');
  });
  const { createApp } = await import(new URL('../examples/demo/app.js', import.meta.url).href);
  const { app, close } = createApp(url);
  onTestFinished(() => close());
  const http = app.listen(0, '127.0.0.1');
  await once(http, 'listening');
  onTestFinished(() => http.close());
  const { port } = http.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}/todos/7`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', 'x-user': 'ada' },
    body: JSON.stringify({ title: 'as it is' }),
  });
  expect(answer.status).toBe(200);
  const tail = startColophon(['tail', '--source', url, '--json']);
  await tail.said('as it is', 'stdout');
  tail.child.kill('SIGTERM');
  await tail.finished;

  const { stdout } = await promisify(execFile)('sh', ['-c', line(log)], options);
  for (const part of ['ada', 'PUT /todos/7', 'as it was', 'as it is']) expect(stdout).toContain(part);
  expect(await sql(url, query!)).toMatchObject([
    { who: 'ada', where: 'PUT /todos/7', operation: 'UPDATE', before: { id: 7, title: 'as it was' } },
  ]);
  running.kill('SIGTERM');
  const [code] = await once(running, 'exit');
  expect(code).toBe(0);
});
