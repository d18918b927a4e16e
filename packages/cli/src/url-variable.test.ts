import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { resolveSettings } from './settings.js';
import { urlVariable } from './url-variable.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-url-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));
const file = (text: string): string => {
  const name = path.join(folder, `${fs.readdirSync(folder).length}`);
  fs.writeFileSync(name, text);
  return name;
};
const URL_OF = 'postgres://app:s3cret-word@db/app';
const invalid = (message: RegExp) =>
  expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringMatching(message) });

it('comes from the variable, or from the file that the other one names, without the line break at its end', () => {
  expect(urlVariable('COLOPHON_SOURCE_URL', {})).toBeUndefined();
  expect(urlVariable('COLOPHON_SOURCE_URL', { COLOPHON_SOURCE_URL: URL_OF })).toBe(URL_OF);
  for (const end of ['', '\n', '\r\n'])
    expect(urlVariable('COLOPHON_SOURCE_URL', { COLOPHON_SOURCE_URL_FILE: file(URL_OF + end) })).toBe(URL_OF);
});

it('takes an empty variable for none, of either kind', () => {
  const env = { COLOPHON_SOURCE_URL: '', COLOPHON_SOURCE_URL_FILE: file(URL_OF) };
  expect(urlVariable('COLOPHON_SOURCE_URL', env)).toBe(URL_OF);
  expect(
    urlVariable('COLOPHON_SOURCE_URL', { COLOPHON_SOURCE_URL: URL_OF, COLOPHON_SOURCE_URL_FILE: '' }),
  ).toBe(URL_OF);
});

it('refuses both, a file that is missing, and an empty one, and never says what is in it', () => {
  const ask = (env: NodeJS.ProcessEnv) => () => urlVariable('COLOPHON_STORE_URL', env);
  const both = { COLOPHON_STORE_URL: URL_OF, COLOPHON_STORE_URL_FILE: file(URL_OF) };
  expect(ask(both)).toThrow(invalid(/^COLOPHON_STORE_URL and COLOPHON_STORE_URL_FILE are both set: [^:]*$/));
  expect(ask({ COLOPHON_STORE_URL_FILE: path.join(folder, 'none') })).toThrow(
    invalid(/^COLOPHON_STORE_URL_FILE: .*none can't be read \(ENOENT\)/),
  );
  expect(ask({ COLOPHON_STORE_URL_FILE: file('\n') })).toThrow(invalid(/is empty, wanted a URL/));
});

it('stands where the variable stands: behind the flag, before the settings file and DATABASE_URL', () => {
  const env = {
    COLOPHON_SOURCE_URL_FILE: file('postgres://a/file'),
    COLOPHON_STORE_URL_FILE: file('postgres://a/store'),
    DATABASE_URL: 'postgres://a/late',
  };
  const config = { source: 'postgres://a/config', store: 'postgres://a/config' };
  expect(resolveSettings({}, env, config)).toMatchObject({
    source: 'postgres://a/file',
    store: 'postgres://a/store',
  });
  expect(resolveSettings({ source: 'postgres://a/flag' }, env, config).source).toBe('postgres://a/flag');
});
