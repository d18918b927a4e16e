export { createDatabase, dropDatabase } from './database.js';
export { freePort } from './free-port.js';
export type { LaunchOptions, PostgresServer } from './launch-postgres.js';
export { launchPostgres } from './launch-postgres.js';
