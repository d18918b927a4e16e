import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from './load-config.js';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-load-config-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const write = (name: string, text: string): void => fs.writeFileSync(path.join(folder, name), text);
const invalid = (message: RegExp) =>
  expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringMatching(message) });

it('is empty without a file', async () => {
  expect(await loadConfig(folder)).toEqual({});
});

it.each([
  ['colophon.config.ts', `const slot: string = 'mine';\nexport default { slot } satisfies object;`],
  ['colophon.config.js', `export default { slot: 'mine' };`],
  ['colophon.config.js', `module.exports = { slot: 'mine' };`],
  ['colophon.config.json', `{"slot": "mine"}`],
])('reads %s', async (name, text) => {
  write(name, text);
  expect(await loadConfig(folder)).toEqual({ slot: 'mine' });
});

it('takes .ts before .js before .json, and a named file before all', async () => {
  write('other.json', '{"slot": "other"}');
  for (const kind of ['json', 'js', 'ts']) {
    write(
      `colophon.config.${kind}`,
      kind === 'json' ? '{"slot":"json"}' : `export default { slot: '${kind}' }`,
    );
    expect(await loadConfig(folder)).toEqual({ slot: kind });
  }
  expect(await loadConfig(folder, 'other.json')).toEqual({ slot: 'other' });
});

it('reads a file again that was changed', async () => {
  write('colophon.config.ts', `export default { slot: 'one' }`);
  await loadConfig(folder);
  write('colophon.config.ts', `export default { slot: 'two' }`);
  expect(await loadConfig(folder)).toEqual({ slot: 'two' });
});

describe('refuses', () => {
  it.each([
    ['{"slot": 7}', /slot is wrong, wanted a text/],
    ['{"slots": "x"}', /unknown key "slots": known are .*slot/],
    ['{"__proto__": {"slot": "x"}}', /unknown key/],
    ['{"constructor": "x"}', /unknown key/],
    ['{"tables": "todo"}', /tables is wrong, wanted a list of names, or 'all'/],
    ['{"tables": [7]}', /tables is wrong/],
    ['{"timeoutSeconds": 0}', /timeoutSeconds is wrong, wanted a number above 0/],
    ['{"timeoutSeconds": "30"}', /timeoutSeconds is wrong/],
    ['{"failover": "no"}', /failover is wrong, wanted true or false/],
    ['{"replicaIdentity": "index"}', /replicaIdentity is wrong, wanted 'full' or 'default'/],
    ['{"prefixes": "colophon"}', /prefixes is wrong, wanted a list of texts/],
    ['[]', /gives no object/],
    ['null', /gives no object/],
    ['{', /can't be read/],
  ])('%s', async (text, message) => {
    write('colophon.config.json', text);
    await expect(loadConfig(folder)).rejects.toThrow(invalid(message));
  });

  it('a named file that is not there', async () => {
    await expect(loadConfig(folder, 'missing.ts')).rejects.toThrow(invalid(/^missing\.ts can't be read/));
  });

  it('a file that throws, in one line, without the password in it', async () => {
    write('colophon.config.ts', `throw new Error('no\\nroute to postgres://me:hunter2secret@db/app');`);
    const error = await loadConfig(folder).then(
      () => null,
      (failure: Error) => failure,
    );
    expect(error).toEqual(invalid(/colophon\.config\.ts can't be read: no route/));
    expect(error?.message).not.toMatch(/hunter2secret|\n/);
  });
});
