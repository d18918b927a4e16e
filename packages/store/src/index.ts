export type { MigrationResult } from './migrate/migrate-store.js';
export { migrateStore } from './migrate/migrate-store.js';
export type { Queryable } from './migrate/store-version.js';
export { STORE_VERSION } from './migrate/store-version.js';
export type { PostgresStoreOptions } from './postgres-store.js';
export { PostgresStore } from './postgres-store.js';
