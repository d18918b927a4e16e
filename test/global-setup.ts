import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { printMatrix } from './adapters/print-matrix.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where each adapter's contract leaves its column of the matrix. */
    matrixFolder: string;
  }
}

/** The Prisma clients, and at the run's end the matrix of the adapters that ran. */
export default function setup(project: TestProject): () => void {
  execFileSync(process.execPath, [path.join(import.meta.dirname, '../scripts/generate-prisma-clients.mjs')], {
    stdio: 'inherit',
  });
  const matrixFolder = fs.mkdtempSync(path.join(os.tmpdir(), 'colophon-matrix-'));
  project.provide('matrixFolder', matrixFolder);
  return () => {
    printMatrix(matrixFolder);
    fs.rmSync(matrixFolder, { recursive: true });
  };
}
