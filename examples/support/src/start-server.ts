import type { Example } from './examples.js';
import { type Program, startProgram } from './program.js';

/** How the application is started. */
export interface ServerOptions {
  folder: string;
  databaseUrl: string;
  /** Connections of its pool. */
  poolSize: number;
  /** For an example whose job the server does. */
  archiveEveryMs: number;
}

/** Starts an example's application on a free port; gives its address once it listens. */
export async function startServer(
  example: Example,
  { folder, databaseUrl, poolSize, archiveEveryMs }: ServerOptions,
): Promise<Program & { base: string }> {
  const server = startProgram(example.server, {
    cwd: folder,
    env: {
      DATABASE_URL: databaseUrl,
      PORT: '0',
      POOL_SIZE: String(poolSize),
      ARCHIVE_EVERY_MS: String(archiveEveryMs),
      SESSION_SECRET: 'only for this run',
    },
  });
  return { ...server, base: await server.says(/http:\/\/127\.0\.0\.1:\d+/) };
}
