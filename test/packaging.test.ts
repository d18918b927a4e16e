import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pack } from './pack.js';

const run = promisify(execFile);
const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const BIN = path.join(ROOT, 'node_modules', '.bin');

interface Manifest {
  name: string;
  version: string;
  private?: boolean;
  exports: Record<string, unknown>;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

interface Published {
  folder: string;
  manifest: Manifest;
  tarball: string;
}

/** Every published package as npm would give it to a user, in a project that knows nothing of this workspace. */
describe('the published packages', () => {
  const project = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-packaging-'));
  const packages: Published[] = [];

  beforeAll(async () => {
    const modules = path.join(project, 'node_modules');
    for (const name of fs.readdirSync(path.join(ROOT, 'packages'))) {
      const folder = path.join(ROOT, 'packages', name);
      const manifest: Manifest = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
      if (manifest.private) continue;
      const into = path.join(project, 'tarballs', name);
      const tarball = await pack(folder, into);
      const home = path.join(modules, manifest.name);
      fs.mkdirSync(home, { recursive: true });
      await run('tar', ['-xzf', tarball, '-C', home, '--strip-components=1']);
      packages.push({ folder, manifest, tarball });
    }
    // What is not ours comes from the workspace's own installation: nothing is fetched.
    for (const { folder, manifest } of packages) {
      const others = { ...manifest.dependencies, ...manifest.peerDependencies, '@types/node': '' };
      for (const dependency of Object.keys(others)) {
        const link = path.join(modules, dependency);
        const installed = [folder, ROOT]
          .map((at) => path.join(at, 'node_modules', dependency))
          .find((at) => fs.existsSync(at));
        if (fs.existsSync(link) || installed === undefined) continue;
        fs.mkdirSync(path.dirname(link), { recursive: true });
        fs.symlinkSync(fs.realpathSync(installed), link);
      }
    }
  }, 180_000);
  afterAll(() => fs.rmSync(project, { recursive: true, force: true }));

  /** Every import that a user can write; a path that is given as it is (the command, the manifest) is none. */
  function entryPoints(): string[] {
    return packages.flatMap(({ manifest }) =>
      Object.entries(manifest.exports)
        .filter(([, target]) => typeof target === 'object')
        .map(([entry]) => manifest.name + entry.slice(1)),
    );
  }

  async function node(file: string, source: string): Promise<string> {
    fs.writeFileSync(path.join(project, file), source);
    const { stdout } = await run(process.execPath, [file], { cwd: project });
    return stdout;
  }

  it('name one version of each other, and nothing of the workspace', () => {
    expect(packages.length).toBeGreaterThanOrEqual(10);
    for (const { manifest } of packages) {
      const packed: Manifest = JSON.parse(
        fs.readFileSync(path.join(project, 'node_modules', manifest.name, 'package.json'), 'utf8'),
      );
      expect(JSON.stringify(packed)).not.toContain('workspace:');
      for (const [name, version] of Object.entries(packed.dependencies ?? {})) {
        const own = packages.find((other) => other.manifest.name === name);
        if (own !== undefined) expect(version).toBe(own.manifest.version);
      }
    }
  });

  it('hold what they export, a licence and a readme, and no tests', async () => {
    for (const { tarball, manifest } of packages) {
      const { stdout } = await run('tar', ['-tzf', tarball]);
      const files = stdout.trim().split('\n');
      for (const wanted of ['package/LICENSE', 'package/README.md', 'package/package.json']) {
        expect(files, manifest.name).toContain(wanted);
      }
      expect(files.filter((file) => /\.test\.|tsbuildinfo/.test(file))).toEqual([]);
    }
  });

  it('load by require and by import, with the same names', async () => {
    const source = (load: string) => `
      const names = {};
      for (const entry of ${JSON.stringify(entryPoints())}) {
        names[entry] = Object.keys(${load}).filter((name) => name !== 'default' && name !== 'module.exports' && name !== '__esModule').sort();
      }
      console.log(JSON.stringify(names));`;
    const required = JSON.parse(await node('load.cjs', source('require(entry)')));
    const imported = JSON.parse(await node('load.mjs', source('await import(entry)')));
    expect(imported).toEqual(required);
    expect(required['@colophon/context']).toContain('runWithContext');
    expect(required['@colophon/pg']).toContain('instrument');
    expect(required['@colophon/typeorm']).toContain('ColophonSubscriber');
    expect(required['@colophon/core']).toContain('createConsumer');
    expect(required['@colophon/store']).toContain('PostgresStore');
    expect(required['@colophon/express']).toContain('colophon');
    expect(required['@colophon/nest']).toContain('ColophonModule');
    expect(required.colophon).toContain('defineConfig');
  });

  it('share one carrier between both module systems, and between two copies', async () => {
    fs.cpSync(
      path.join(project, 'node_modules', '@colophon', 'context'),
      path.join(project, 'node_modules', 'second-copy'),
      { recursive: true },
    );
    const seen = await node(
      'carrier.mjs',
      `import { createRequire } from 'node:module';
       import { runWithContext, currentContext } from '@colophon/context';
       import { currentContext as secondCopy } from 'second-copy';
       const required = createRequire(import.meta.url)('@colophon/context');
       runWithContext({ user: 1 }, () => required.runWithContext({ tab: 2 }, () =>
         console.log(JSON.stringify([currentContext(), required.currentContext(), secondCopy()]))));`,
    );
    const both = { user: 1, tab: 2 };
    expect(JSON.parse(seen)).toEqual([both, both, both]);
  });

  it.each([
    ['node16', 'node16'],
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ])(
    'have types under module %s, moduleResolution %s, from ESM and CommonJS',
    async (module, moduleResolution) => {
      // Nest 12 is ESM only, which no CommonJS under node16 may load: neither ours nor the application's own.
      const body = entryPoints()
        .filter((entry) => module !== 'node16' || entry !== '@colophon/nest')
        .map((entry, i) => `import * as m${i} from '${entry}';\nvoid m${i};`)
        .join('\n');
      const use = `
      import { currentContext, runWithContext } from '@colophon/context';
      import { instrument } from '@colophon/pg';
      import pg from 'pg';
      const pool: pg.Pool = instrument(new pg.Pool());
      const n: number = runWithContext({ user: 1 }, () => 1);
      // @ts-expect-error a number is no text: so the types are there, and not any
      const text: string = runWithContext({ user: 1 }, () => 1);
      export { currentContext, n, pool, text };`;
      const folder = path.join(project, `types-${moduleResolution}`);
      fs.mkdirSync(folder, { recursive: true });
      for (const file of ['esm.mts', 'cjs.cts'])
        fs.writeFileSync(path.join(folder, file), `${body}\n${use}\n`);
      fs.writeFileSync(
        path.join(folder, 'tsconfig.json'),
        JSON.stringify({
          compilerOptions: {
            module,
            moduleResolution,
            target: 'es2022',
            strict: true,
            noEmit: true,
            esModuleInterop: true,
            exactOptionalPropertyTypes: true,
            types: ['node'],
          },
          include: ['*.mts', '*.cts'],
        }),
      );
      const typesOfPg = path.join(project, 'node_modules', '@types', 'pg');
      if (!fs.existsSync(typesOfPg)) {
        fs.symlinkSync(fs.realpathSync(path.join(ROOT, 'node_modules', '@types', 'pg')), typesOfPg);
      }
      await expect(check(path.join(BIN, 'tsc'), ['-p', folder])).resolves.toBe('');
    },
    120_000,
  );

  it('pass publint and are the types wrong', async () => {
    for (const { tarball, manifest } of packages) {
      // The command's own file is there to be run; nobody loads it.
      const programs = Object.keys(manifest.exports).filter((entry) => entry.startsWith('./bin/'));
      const left = programs.length > 0 ? ['--exclude-entrypoints', ...programs] : [];
      const publint = await check(path.join(BIN, 'publint'), ['run', tarball, '--strict']);
      expect(publint, manifest.name).toMatch(/All good/);
      const attw = await check(path.join(BIN, 'attw'), [tarball, '--profile', 'node16', ...left]);
      expect(attw).toMatch(new RegExp(`^\\s*${manifest.name} v`));
    }
  }, 180_000);

  it('need nothing of their dependencies that they do not name', () => {
    const builtIn = new Set(createRequire(import.meta.url)('node:module').builtinModules as string[]);
    for (const { manifest } of packages) {
      const home = path.join(project, 'node_modules', manifest.name, 'dist');
      const named = new Set([
        manifest.name,
        ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }),
      ]);
      for (const file of fs.readdirSync(home, { recursive: true }) as string[]) {
        if (!file.endsWith('.js')) continue;
        const source = fs.readFileSync(path.join(home, file), 'utf8');
        for (const [, specifier] of source.matchAll(/(?:require|import)\("([^".][^"]*)"\)/g)) {
          if (specifier === undefined || specifier.startsWith('node:') || builtIn.has(specifier)) continue;
          const name = specifier
            .split('/')
            .slice(0, specifier.startsWith('@') ? 2 : 1)
            .join('/');
          expect(named, `${manifest.name}: ${file}`).toContain(name);
        }
      }
    }
  });
});

/** What a tool says; where it fails, that too, so that the assertion shows it. */
async function check(program: string, args: string[]): Promise<string> {
  try {
    return (await run(program, args)).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    return `failed: ${stdout ?? ''}${stderr ?? ''}`;
  }
}
