import { launchPostgres } from '@colophon/testkit';
import type { TestProject } from 'vitest/node';
import { type Major, nativeDir } from './embedded-postgres.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** URL of the superuser on the run's PostgreSQL. */
    serverUrl: string;
  }
}

/** One embedded server a run, of the major in `PG_MAJOR` (default 18). */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const major = Number(process.env.PG_MAJOR ?? 18) as Major;
  const server = await launchPostgres({ native: nativeDir(major) });
  project.provide('serverUrl', server.url());
  return () => server.stop();
}
