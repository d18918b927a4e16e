import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import adapters from './adapters.json' with { type: 'json' };

const here = import.meta.dirname;
const read = (file: string) => fs.readFileSync(path.join(here, file), 'utf8');

it('the README shows the adapters of the list and the cases of the suite', () => {
  const wanted = execFileSync(process.execPath, [path.join(here, 'write-matrix.mjs'), '--print'], {
    encoding: 'utf8',
  });
  expect(read('../../README.md'), 'run `node test/adapters/write-matrix.mjs`').toBe(wanted);
  for (const { name, page } of adapters) expect(wanted).toContain(`[${name}](${page})`);
});

it('the list has the tests that run the contract, no more and no fewer', () => {
  const files = fs.readdirSync(here).filter((file) => /\brunContract\(/.test(read(file)));
  const tests = files.filter((file) => file.endsWith('.test.ts') && !file.startsWith('matrix.'));
  expect(new Set(adapters.map(({ test }) => test))).toEqual(new Set(tests));
});

it('the benchmark measures what the list says, no more and no fewer', () => {
  const listed = adapters.flatMap(({ bench }) => bench ?? []);
  expect(new Set(fs.readdirSync(path.join(here, '../bench/orms')))).toEqual(new Set(listed));
});

it.each(adapters)('$name is named in its test and has a page', ({ name, test, page }) => {
  expect(read(test)).toContain(`'${name}'`);
  expect(fs.existsSync(path.join(here, '../..', page)), page).toBe(true);
});
