import { launchPostgres } from '@colophon/testkit';
import type { TestProject } from 'vitest/node';
import { type Major, nativeDir } from './embedded-postgres.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The PostgreSQL of a project that is bound to one; the others have `PG_MAJOR`'s, 18 by default. */
    major?: Major;
    /** URL of the superuser on the project's PostgreSQL. */
    serverUrl: string;
  }
}

/** One embedded server a project. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const major = project.config.provide.major ?? (Number(process.env.PG_MAJOR ?? 18) as Major);
  const server = await launchPostgres({ native: nativeDir(major) });
  project.provide('serverUrl', server.url());
  return () => server.stop();
}
