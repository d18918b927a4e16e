import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { launchPostgres } from '@colophon/testkit';
import type { TestProject } from 'vitest/node';
import { printMatrix } from './adapters/print-matrix.js';
import { type Major, nativeDir } from './embedded-postgres.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** URL of the superuser on the run's PostgreSQL. */
    serverUrl: string;
    /** Where each adapter's contract leaves its column of the matrix. */
    matrixFolder: string;
  }
}

/** The Prisma clients, one embedded server a run, of the major in `PG_MAJOR` (default 18), and at its end the matrix of the adapters that ran. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  execFileSync(process.execPath, [path.join(import.meta.dirname, '../scripts/generate-prisma-clients.mjs')], {
    stdio: 'inherit',
  });
  const major = Number(process.env.PG_MAJOR ?? 18) as Major;
  const server = await launchPostgres({ native: nativeDir(major) });
  project.provide('serverUrl', server.url());
  const matrixFolder = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-matrix-'));
  project.provide('matrixFolder', matrixFolder);
  return async () => {
    printMatrix(matrixFolder);
    fs.rmSync(matrixFolder, { recursive: true });
    await server.stop();
  };
}
