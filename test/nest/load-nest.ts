import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import type * as colophon from '@colophon/nest';
import type * as common from '@nestjs/common';
import type * as core from '@nestjs/core';

const require = createRequire(import.meta.url);

/** A version of Nest with Colophon's module on it, as an application has them. */
export interface Nest {
  readonly colophon: typeof colophon;
  readonly common: typeof common;
  readonly core: typeof core;
  /** Another package of the folder, such as `@nestjs/testing`. */
  readonly require: NodeJS.Require;
  remove(): void;
}

/**
 * Installs Colophon's packages beside a version of Nest, in a folder outside the workspace: inside it `@colophon/nest` has a Nest of its own, whose injection
 * tokens are others.
 */
export function loadNest(version: string): Nest {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), `colophon-nest-${version}-`)));
  const modules = path.join(folder, 'node_modules');
  for (const name of ['@colophon/nest', '@colophon/context']) {
    const from = path.dirname(require.resolve(`${name}/package.json`));
    const filter = (at: string) => !at.includes(`${path.sep}node_modules`);
    fs.cpSync(from, path.join(modules, name), { recursive: true, filter });
  }
  const installed = path.join(import.meta.dirname, 'versions', version, 'node_modules');
  for (const name of ['reflect-metadata', 'rxjs', '@nestjs']) {
    fs.symlinkSync(fs.realpathSync(path.join(installed, name)), path.join(modules, name));
  }
  const load = createRequire(path.join(folder, 'application.js'));
  load('reflect-metadata');
  return {
    colophon: load('@colophon/nest'),
    common: load('@nestjs/common'),
    core: load('@nestjs/core'),
    require: load,
    remove: () => fs.rmSync(folder, { recursive: true, force: true }),
  };
}
