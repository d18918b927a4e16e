import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ColophonConfig } from './config.js';
import { type CommonFlags, resolveSettings, type Settings, sourceUrl, storeUrl } from './settings.js';

const TEXTS = [
  ['source', 'COLOPHON_SOURCE_URL', null],
  ['store', 'COLOPHON_STORE_URL', null],
  ['slot', 'COLOPHON_SLOT', 'colophon'],
  ['publication', 'COLOPHON_PUBLICATION', 'colophon'],
  ['environment', 'COLOPHON_ENVIRONMENT', ''],
  ['name', 'COLOPHON_NAME', null],
] as const;

const invalid = expect.objectContaining({ code: 'INVALID_OPTION' });

describe.each(TEXTS)('%s', (key, variable, fallback) => {
  it('comes from the flag, else the variable, else the file, else its default', () => {
    const some = fc.option(fc.string({ minLength: 1 }), { nil: undefined });
    fc.assert(
      fc.property(some, some, some, (flag, fromEnv, fromFile) => {
        const settings = resolveSettings(
          flag === undefined ? {} : ({ [key]: flag } as CommonFlags),
          fromEnv === undefined ? {} : { [variable]: fromEnv },
          fromFile === undefined ? {} : ({ [key]: fromFile } as ColophonConfig),
        );
        expect(settings[key as keyof Settings]).toBe(flag ?? fromEnv ?? fromFile ?? fallback);
      }),
    );
  });

  it('takes an empty variable for none', () => {
    expect(resolveSettings({}, { [variable]: '' }, { [key]: 'file' })[key as keyof Settings]).toBe('file');
  });
});

it('takes DATABASE_URL last, and only for the source', () => {
  const env = { DATABASE_URL: 'postgres://a/b' };
  expect(resolveSettings({}, env, {})).toMatchObject({ source: 'postgres://a/b', store: null });
  expect(resolveSettings({}, env, { source: 'postgres://c/d' }).source).toBe('postgres://c/d');
});

it('the store is the source unless said, and neither is an error that names the ways', () => {
  expect(storeUrl(resolveSettings({ source: 'postgres://a/b' }, {}, {}))).toBe('postgres://a/b');
  expect(storeUrl(resolveSettings({ store: 'postgres://s/t' }, {}, {}))).toBe('postgres://s/t');
  for (const url of [sourceUrl, storeUrl]) {
    expect(() => url(resolveSettings({}, {}, {}))).toThrow(/--source .*COLOPHON_SOURCE_URL.*DATABASE_URL/);
  }
});

describe('tables', () => {
  const tables = (flags: CommonFlags, env: NodeJS.ProcessEnv = {}, config: ColophonConfig = {}) =>
    resolveSettings(flags, env, config).tables;
  const A = [{ schema: 'public', name: 'a' }];

  it('come from --tables or --all-tables before variables before the file', () => {
    expect(tables({ tables: 'a' }, { COLOPHON_ALL_TABLES: '1' }, { tables: 'all' })).toEqual(A);
    expect(tables({ allTables: true }, { COLOPHON_TABLES: 'b' })).toBe('all');
    expect(tables({}, { COLOPHON_TABLES: 'a' }, { tables: 'all' })).toEqual(A);
    expect(tables({}, { COLOPHON_ALL_TABLES: 'true' }, { tables: ['a'] })).toBe('all');
    expect(tables({}, {}, { tables: ['a', 'Other.B'] })).toEqual([...A, { schema: 'Other', name: 'B' }]);
    expect(tables({}, {}, { tables: 'all' })).toBe('all');
    expect(tables({})).toBeNull();
  });

  it('can be given one way only', () => {
    expect(() => tables({ tables: 'a', allTables: true })).toThrow(invalid);
  });
});

it('reads prefixes, identity and timeout', () => {
  expect(resolveSettings({}, {}, {})).toMatchObject({
    prefixes: ['colophon'],
    identity: 'full',
    timeoutMs: 30_000,
  });
  expect(resolveSettings({ prefix: 'a, b' }, {}, { prefixes: ['c'] }).prefixes).toEqual(['a', 'b']);
  expect(resolveSettings({}, {}, { prefixes: ['c'], timeoutSeconds: 1.5 })).toMatchObject({
    prefixes: ['c'],
    timeoutMs: 1500,
  });
  expect(resolveSettings({ timeout: '2m' }, { COLOPHON_TIMEOUT: '1' }, {}).timeoutMs).toBe(120_000);
  expect(resolveSettings({ replicaIdentity: 'default' }, {}, {}).identity).toBe('default');
  expect(() => resolveSettings({ replicaIdentity: 'FULL' }, {}, {})).toThrow(invalid);
  expect(() => resolveSettings({}, { COLOPHON_TIMEOUT: 'soon' }, {})).toThrow(invalid);
});

it('wants a failover slot unless flag, variable or file say no', () => {
  expect(resolveSettings({}, {}, {}).failover).toBe(true);
  expect(resolveSettings({ failover: true }, { COLOPHON_FAILOVER: 'no' }, {}).failover).toBe(false);
  expect(
    resolveSettings({ failover: true }, { COLOPHON_FAILOVER: 'yes' }, { failover: false }).failover,
  ).toBe(true);
  expect(resolveSettings({ failover: false }, { COLOPHON_FAILOVER: 'yes' }, {}).failover).toBe(false);
  expect(resolveSettings({}, {}, { failover: false }).failover).toBe(false);
});
