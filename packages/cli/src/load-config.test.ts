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
    ['{"slots": "x"}', /unknown key "slots", did you mean slot: known are .*slot/],
    ['{"__proto__": {"slot": "x"}}', /unknown key/],
    ['{"constructor": "x"}', /unknown key/],
    ['{"tables": "todo"}', /tables is wrong, wanted a list of names, or 'all'/],
    ['{"tables": [7]}', /tables is wrong/],
    ['{"timeoutSeconds": 0}', /timeoutSeconds is wrong, wanted a number above 0/],
    ['{"timeoutSeconds": "30"}', /timeoutSeconds is wrong/],
    ['{"failover": "no"}', /failover is wrong, wanted true or false/],
    ['{"replicaIdentity": "index"}', /replicaIdentity is wrong, wanted 'full' or 'default'/],
    ['{"prefixes": "colophon"}', /prefixes is wrong, wanted a list of texts/],
    ['{"log": "xml"}', /log is wrong, wanted 'text' or 'json'/],
    ['[]', /gives no object/],
    ['null', /gives no object/],
    ['{', /can't be read/],
    ["{'slot': 'x'}", /can't be read, since it isn't JSON/],
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

describe('points at the place', () => {
  const failure = async (name: string, text: string): Promise<string> => {
    write(name, text);
    const error = await loadConfig(folder, name).then(
      () => null,
      (reason: Error & { code?: string }) => reason,
    );
    expect(error?.code).toBe('INVALID_OPTION');
    expect(error?.message).not.toContain('\n');
    return error?.message ?? '';
  };

  it.each([
    ['a key', '{\n  "slot": "a",\n  "slots": "b"\n}', '3:3', /^: unknown key "slots", did you mean slot/],
    ['a value', '{ "slot": 7 }', '1:11', /^: slot is wrong, wanted a text\.$/],
    [
      'an item',
      '{"columns": {"ignore": [\n"*.a",\n  "a.b.c.d"]}}',
      '3:3',
      /^: columns\.ignore\[1\]: A column pattern/,
    ],
    [
      'a nested key',
      '{"columns": {"ignored": []}}',
      '1:14',
      /^: unknown key "ignored" in columns, did you mean ignore/,
    ],
    [
      'a rule',
      '{"redact": {"tables": {"public.user": {"id": {"by": "hide"}}}}}',
      '1:53',
      /^: redact\.tables\["public\.user"\]\.id\.by is wrong, wanted 'drop' or 'mask' or 'hash'\.$/,
    ],
    [
      'a secret',
      '{"signature": {"keys": [{"id": "a"}]}}',
      '1:25',
      /^: signature\.keys\[0\] is wrong, wanted an id and/,
    ],
    [
      'a rule without its key',
      '{"columns": {\n"hash": ["a"]}}',
      '2:10',
      /^: columns\.hash\[0\] is hash, but there is no key/,
    ],
    ['what is no JSON', '{"slot": "a",\n "name" "b"}', '2:9', /^: it can't be read, since it isn't JSON/],
  ])('of %s in JSON', async (_, text, place, rest) => {
    const message = await failure('colophon.config.json', text);
    expect(message.startsWith(`colophon.config.json:${place}`), message).toBe(true);
    expect(message.slice(`colophon.config.json:${place}`.length)).toMatch(rest);
  });

  it.each([
    [
      'defineConfig',
      `import { defineConfig } from 'colophon';\nexport default defineConfig({\n  slot: 7 as never,\n});`,
      '3:9',
    ],
    [
      'satisfies, and a constant',
      `const slot: number = 7;\nexport default { slot } satisfies object;`,
      '1:22',
    ],
    ['a constant for all', `const config = { 'slot': 7 };\nexport default config;`, '1:26'],
    [
      'an item of a constant',
      `const names = ['a.b.c.d'] as const;\nexport default { columns: { ignore: names } };`,
      '1:16',
    ],
    ['what computes it', `export default {\n  slot: Number('7'),\n};`, '2:9'],
    [
      'what computes an object around it',
      `export default { columns:\n  JSON.parse('{"ignore":7}') };`,
      '2:3',
    ],
    [
      'the object into which it is spread',
      `const more = { slot: 7 };\nexport default { redact: {}, ...more };`,
      null,
    ],
    ['a key written with quotes', `export default {\n    'slto': 'x' };`, '2:5'],
    [
      'a file that exports what a function gives',
      `const make = () => ({ slot: 7 });\nexport default make();`,
      null,
    ],
    ['what does not parse', `export default {\n  slot: 'a'\n  name: 'b' };`, '3:3'],
  ])('of %s in TypeScript', async (_, text, place) => {
    const message = await failure('colophon.config.ts', text);
    const wanted = place === null ? 'colophon.config.ts: ' : `colophon.config.ts:${place}: `;
    expect(message.startsWith(wanted), message).toBe(true);
  });

  it('in JavaScript of either kind', async () => {
    expect(await failure('colophon.config.js', `module.exports = {\n  slot: 7 };`)).toMatch(
      /^colophon\.config\.js:2:9: slot is wrong/,
    );
    expect(await failure('colophon.config.mjs', `export default { slots: 'x' };`)).toMatch(
      /^colophon\.config\.mjs:1:18: unknown key/,
    );
  });

  it('without showing a line of the file, in which a secret may stand', async () => {
    const line = `source: 'hunter2secret',`;
    const messages = [
      await failure('a.ts', `export default {\n ${line}\n slot: [,\n};`),
      await failure('b.json', `{"source": "hunter2secret",\n "slot": }`),
      await failure(
        'c.ts',
        `export default { ${line} redact: { key: { id: 'a', secret: 'hunter2secret' } } };`,
      ),
      await failure('d.ts', `export default { ${line} signature: { keys: 'hunter2secret' } };`),
      await failure('e.ts', `export default { ${line} redact: { tables: { a: { b: 'hunter2secret' } } } };`),
    ];
    expect(messages.join()).not.toContain('hunter2');
    expect(messages[2]).toMatch(/^c\.ts:1:\d+: unknown key "secret" in redact\.key/);
  });
});

it('keeps no copy of what it has read', async () => {
  const cache = path.join(os.tmpdir(), 'jiti');
  const cached = () => (fs.existsSync(cache) ? fs.readdirSync(cache) : []);
  const name = `colophon-${path.basename(folder)}.ts`;
  write(name, `export default { slot: 'mine' satisfies string };`);
  await loadConfig(folder, name);
  expect(cached().filter((file) => file.includes(path.basename(folder)))).toEqual([]);
});
