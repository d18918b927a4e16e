import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const root = path.join(__dirname, '../../..');
const page = fs.readFileSync(path.join(root, 'docs/guarantees.md'), 'utf8');
const [, ...promises] = page.split(/^## /m);
const testsIn = (text: string) =>
  [...text.matchAll(/`((?:test|packages)\/[^`]*)`/g)].map(([, file]) => file!);

it('docs/guarantees.md numbers its promises, each with its limits and the tests that enforce it', () => {
  expect(promises).toHaveLength(13);
  for (const [index, promise] of promises.entries()) {
    expect(promise).toMatch(new RegExp(`^${index + 1}\\. `));
    const [, limits = '', tests = ''] = promise.split(/^(?:Limits|Tests):$/m);
    expect(limits, promise).toMatch(/^- /m);
    expect(testsIn(tests), promise).not.toEqual([]);
    expect(testsIn(limits), promise).toEqual([]);
  }
});

it('names only tests that are there, among them every acceptance test and one of each folder', () => {
  const named = testsIn(page);
  for (const file of named) {
    expect(file).toMatch(/\.test\.ts$/);
    expect(fs.existsSync(path.join(root, file)), file).toBe(true);
  }
  const all = fs
    .readdirSync(path.join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .map((file) => `test/${file.split(path.sep).join('/')}`)
    .filter((file) => file.endsWith('.test.ts') && !file.includes('/node_modules/'));
  const acceptance = all.filter((file) => file.startsWith('test/acceptance/'));
  expect(acceptance.length).toBeGreaterThanOrEqual(5);
  expect(named).toEqual(expect.arrayContaining(acceptance));
  const folders = new Set(all.map((file) => path.dirname(file)).filter((folder) => folder !== 'test'));
  for (const folder of folders) {
    expect(
      named.some((file) => path.dirname(file) === folder),
      folder,
    ).toBe(true);
  }
});

it('is linked from the README', () => {
  expect(fs.readFileSync(path.join(root, 'README.md'), 'utf8')).toContain('](docs/guarantees.md)');
});
