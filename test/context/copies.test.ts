import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';

const require = createRequire(import.meta.url);
const folderOf = (name: string) => path.dirname(require.resolve(`${name}/package.json`));
const temporary = (name: string) => fs.mkdtempSync(path.join(os.tmpdir(), `colophon-${name}-`));

it('a physical copy, by import and by require, shares one carrier and one storage', () => {
  const folder = temporary('copy');
  try {
    fs.cpSync(folderOf('@colophon/context'), folder, {
      recursive: true,
      filter: (at) => !at.includes('node_modules'),
    });
    const code = `
      import * as a from '@colophon/context';
      import { createRequire } from 'node:module';
      const require = createRequire(import.meta.url);
      const copy = require(${JSON.stringify(folder)});
      const copyByImport = await import(${JSON.stringify(path.join(folder, 'index.mjs'))});
      const ns = require('@colophon/context/cls').createNamespace('n');
      const seen = [copy.runWithContext === a.runWithContext, copyByImport.runWithContext === copy.runWithContext];
      await a.runWithContext({ user: 1 }, async () => {
        await null;
        copy.mergeContext({ at: 'x' });
        seen.push(copy.runWithContext({ b: 2 }, a.currentContext));
      });
      a.setCarrier(copy.clsCarrier(ns));
      copyByImport.runWithContext({ user: 2 }, () => { seen.push(a.currentContext(), ns.active !== null); });
      seen.push(copy.clsCarrier(ns) === a.clsCarrier(ns), copy.asyncLocalStorageCarrier === a.asyncLocalStorageCarrier);
      console.log(JSON.stringify(seen));`;
    const args = ['--input-type=module', '-e', code];
    const output = execFileSync(process.execPath, args, { cwd: import.meta.dirname, encoding: 'utf8' });
    expect(JSON.parse(output)).toEqual([
      false,
      true,
      { user: 1, at: 'x', b: 2 },
      { user: 2 },
      true,
      true,
      true,
    ]);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});

it('a copy of a version that shares no carrier says so, whichever is loaded first', () => {
  const folder = temporary('stranger');
  const copyOf = (name: string) => {
    fs.cpSync(folderOf('@colophon/context'), path.join(folder, name), {
      recursive: true,
      filter: (at) => !at.includes('node_modules'),
    });
    return path.join(folder, name);
  };
  try {
    const [ours, same, later] = ['ours', 'same', 'later'].map(copyOf);
    // As a version will be whose state has another shape.
    const state = path.join(later!, 'dist/shared-state.js');
    const source = fs.readFileSync(state, 'utf8');
    const changed = source.replace("'@colophon/context/1'", "'@colophon/context/2'");
    expect(changed).not.toBe(source);
    fs.writeFileSync(state, changed);
    const warnings = (...copies: (string | undefined)[]) => {
      const code = `process.on('warning', ({ code, message }) => console.log(code, message));
        ${JSON.stringify(copies)}.forEach((copy) => require(copy));`;
      return execFileSync(process.execPath, ['--no-warnings', '-e', code], { encoding: 'utf8' });
    };
    expect(warnings(ours, same)).toBe('');
    for (const said of [warnings(ours, later), warnings(later, ours)]) {
      expect(said).toMatch(/^CARRIER_CONFLICT two versions of @colophon\/context .*\n$/);
    }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});

it("npm's overrides put @colophon/cls-hooked in cls-hooked's place, for dependencies too", () => {
  const folder = temporary('overrides');
  const run = (file: string, args: string[], cwd = folder) =>
    execFileSync(file, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const write = (file: string, value: object) => {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    fs.writeFileSync(path.join(folder, file), JSON.stringify(value));
  };
  try {
    // Packed as they are published; the workspace's range is made a file, since neither is in a registry.
    for (const name of ['context', 'cls-hooked']) {
      const from = folderOf(`@colophon/${name}`);
      const files = fs.readdirSync(from).filter((file) => /^dist$|\.(mjs|mts|json)$/.test(file));
      for (const file of files)
        fs.cpSync(path.join(from, file), path.join(folder, name, file), { recursive: true });
      const manifest = JSON.parse(fs.readFileSync(path.join(from, 'package.json'), 'utf8'));
      delete manifest.devDependencies;
      if (name === 'cls-hooked')
        manifest.dependencies['@colophon/context'] = `file:${folder}/colophon-context-0.1.0.tgz`;
      write(`${name}/package.json`, { ...manifest, version: '0.1.0' });
      run('npm', ['pack', '--silent', `./${name}`]);
    }
    write('library/package.json', {
      name: 'library',
      version: '1.0.0',
      main: 'index.js',
      dependencies: { 'cls-hooked': '^4.2.2' },
    });
    fs.writeFileSync(path.join(folder, 'library/index.js'), "module.exports = require('cls-hooked');");
    run('npm', ['pack', '--silent', './library']);
    const override = `file:${folder}/colophon-cls-hooked-0.1.0.tgz`;
    write('app/package.json', {
      name: 'app',
      private: true,
      dependencies: { library: `file:${folder}/library-1.0.0.tgz`, 'cls-hooked': override },
      overrides: { 'cls-hooked': '$cls-hooked' },
    });
    run('npm', ['install', '--offline', '--no-audit', '--no-fund'], path.join(folder, 'app'));
    const code = `
      import cls, { createNamespace } from 'cls-hooked';
      import * as all from 'cls-hooked';
      import { createRequire } from 'node:module';
      const require = createRequire(import.meta.url);
      console.log(JSON.stringify([
        require('library') === require('cls-hooked'), cls === require('cls-hooked'), all.createNamespace === createNamespace,
        require('cls-hooked/package.json').name, createNamespace('n').runAndReturn(() => cls.getNamespace('n').set('v', 1)),
      ]));`;
    const output = run(process.execPath, ['--input-type=module', '-e', code], path.join(folder, 'app'));
    expect(JSON.parse(output)).toEqual([true, true, true, '@colophon/cls-hooked', 1]);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});
