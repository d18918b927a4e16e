import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { colophon } from '@colophon/prisma';
import { afterAll, describe, expect, it } from 'vitest';
import { MysqlPrismaClient, PrismaClient, PrismaNeon, PrismaPg } from '../prisma-7/index.js';

const connectionString = 'postgres://nobody@127.0.0.1:1/none';
const accelerated = { accelerateUrl: 'prisma://accelerate.prisma-data.net/?api_key=none' };

/** Nothing is connected to: a wrong set-up says so when `$extends` is called. */
describe('refused at $extends, in one line with a code', () => {
  const cases: [string, RegExp, () => unknown][] = [
    ['what is no client', /^colophon\(\) was given no Prisma Client/, () => colophon()({})],
    [
      'a client for another database',
      /is made for mysql, wanted postgresql/,
      () => new MysqlPrismaClient(accelerated).$extends(colophon()),
    ],
    [
      'a client without an adapter',
      /has no driver adapter, wanted @prisma\/adapter-pg/,
      () => new PrismaClient(accelerated).$extends(colophon()),
    ],
    [
      'an adapter that goes another way',
      /adapter is @prisma\/adapter-neon, wanted @prisma\/adapter-pg/,
      () => new PrismaClient({ adapter: new PrismaNeon({ connectionString }) }).$extends(colophon()),
    ],
  ];
  it.each(cases)('%s', (_what, message, extend) => {
    expect(extend).toThrow(
      expect.objectContaining({
        name: 'ColophonError',
        code: 'UNSUPPORTED_CLIENT',
        message: expect.stringMatching(message),
      }),
    );
    expect(extend).toThrow(/^[^\n]+$/);
  });

  it('an option that cannot be used', () => {
    expect(() => colophon({ maxBytes: 0 })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  it('nothing else: a client with the adapter is taken as it is', () => {
    const client = new PrismaClient({ adapter: new PrismaPg({ connectionString }) });
    expect(client.$extends(colophon())).toBe(client);
  });
});

/** In processes of their own: a Rust engine that isn't there rejects where nobody can catch it, and a second copy of Colophon would stay loaded. */
describe('refused at $extends, in a process of its own', () => {
  const here = path.join(import.meta.dirname, '..');
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-prisma-copies-'));
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  /** A copy of a package that keeps its state elsewhere, as one of another version would. */
  function anotherVersion(name: string): string {
    const from = path.dirname(createRequire(import.meta.url).resolve(`@colophon/${name}/package.json`));
    const to = path.join(folder, 'node_modules/@colophon', name);
    fs.cpSync(path.join(from, 'dist'), path.join(to, 'dist'), { recursive: true });
    fs.cpSync(path.join(from, 'package.json'), path.join(to, 'package.json'));
    for (const file of fs.readdirSync(path.join(to, 'dist')).filter((at) => at.endsWith('.js'))) {
      const at = path.join(to, 'dist', file);
      fs.writeFileSync(
        at,
        fs.readFileSync(at, 'utf8').replaceAll(`'@colophon/${name}/1'`, `'@colophon/${name}/2'`),
      );
    }
    return path.join(to, 'dist/index.js');
  }

  function refusal(code: string): unknown {
    const program = `
      process.on('unhandledRejection', () => undefined);
      const load = require('node:module').createRequire(${JSON.stringify(path.join(here, 'package.json'))});
      const { colophon } = load('@colophon/prisma');
      const pg = require('pg');
      const { PrismaPg } = require('@prisma/adapter-pg');
      const pool = new pg.Pool({ connectionString: ${JSON.stringify(connectionString)} });
      try { ${code} } catch ({ code, message }) { console.log(JSON.stringify({ code, message })); process.exit(); }`;
    const cwd = path.join(here, 'prisma-6');
    return JSON.parse(execFileSync(process.execPath, ['-e', program], { cwd, encoding: 'utf8' }));
  }

  const client = "new (require('./generated').PrismaClient)({ adapter: new PrismaPg(pool) })";

  it.each([
    ['without an adapter', `{ datasourceUrl: ${JSON.stringify(connectionString)} }`],
    ['with one', '{ adapter: new PrismaPg(pool) }'],
  ])("Prisma 6's Rust engine, %s", (_how, options) => {
    expect(
      refusal(`new (require('./generated-rust').PrismaClient)(${options}).$extends(colophon());`),
    ).toEqual({
      code: 'UNSUPPORTED_CLIENT',
      message:
        'Prisma Client 6.19.3 runs on its LibraryEngine, outside Node.js, where no context can follow, wanted the client engine: set engineType = "client" in the generator and give PrismaClient an adapter of @prisma/adapter-pg.',
    });
  });

  it('two copies of Colophon that keep their contexts apart', () => {
    expect(
      refusal(`require(${JSON.stringify(anotherVersion('context'))}); ${client}.$extends(colophon());`),
    ).toEqual({
      code: 'CARRIER_CONFLICT',
      message:
        'Two copies of @colophon/context that share no contexts are loaded (state 2, wanted 1): install one version of it; npm ls @colophon/context shows both.',
    });
  });

  it('a pool that another version of Colophon has instrumented', () => {
    const modules = path.join(folder, 'node_modules/@colophon');
    const copy = anotherVersion('pg');
    for (const name of ['context', 'protocol']) {
      const from = path.dirname(
        createRequire(copy.replace(folder, here)).resolve(`@colophon/${name}/package.json`),
      );
      fs.rmSync(path.join(modules, name), { recursive: true, force: true });
      fs.symlinkSync(from, path.join(modules, name));
    }
    expect(
      refusal(`require(${JSON.stringify(copy)}).instrument(pool); ${client}.$extends(colophon());`),
    ).toMatchObject({
      code: 'CARRIER_CONFLICT',
      message: expect.stringMatching(/^Two copies of @colophon\/pg .*state 2, wanted 1/),
    });
  });
});
