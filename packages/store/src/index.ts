export type { PostgresBaselinesOptions } from './baseline/postgres-baselines.js';
export { PostgresBaselines } from './baseline/postgres-baselines.js';
export type { BaselineRowsOptions, BaselineStatus, StoredBaselineRow } from './baseline/read-baselines.js';
export type { BegunGap, SlotBeginning } from './begin-slot.js';
export { beginSlot } from './begin-slot.js';
export type { ImportedChange } from './import/imported-change.js';
export type { ImportedChunk, PostgresImportOptions, RefusedImport } from './import/postgres-import.js';
export { PostgresImport } from './import/postgres-import.js';
export type { MigrateOptions, MigrationResult } from './migrate/migrate-store.js';
export { migrateStore } from './migrate/migrate-store.js';
export type { StoreScript } from './migrate/store-script.js';
export { storeScript } from './migrate/store-script.js';
export type { Queryable } from './migrate/store-version.js';
export { checkStoreVersion, STORE_VERSION } from './migrate/store-version.js';
export type { ChangesOptions, OpenStoreOptions } from './open-store.js';
export { openStore, Store } from './open-store.js';
export type { PostgresStoreOptions } from './postgres-store.js';
export { PostgresStore } from './postgres-store.js';
export type { ChangeFilter } from './query/change-filter.js';
export type { ChangeQuery } from './query/change-query.js';
export type { ChangeRow, ParsedJson } from './query/change-row.js';
export type { ContextShare, ContextShareFilter } from './query/context-share.js';
export type { DdlFilter, DdlOptions, DdlQuery } from './query/ddl-query.js';
export type { DdlRow } from './query/ddl-row.js';
export type { FollowOptions } from './query/follow-changes.js';
export type { GapFilter, GapRow } from './query/gap-row.js';
export type { KeyValue, RowKey } from './query/key-condition.js';
export type { ChangeOrder } from './query/paged-query.js';
export type { SourceStatus, StoreStatus } from './query/store-status.js';
export type { Activity, TableActivity } from './query/table-activity.js';
export type { RetentionPart, RetentionWish } from './retention/retention.js';
export { grantRights } from './rights/grant-rights.js';
export { missingGrants, type RoleRights } from './rights/missing-rights.js';
export { DEFAULT_OWNER, type StoreOwner } from './rights/store-owner.js';
export {
  grantStatement,
  OWNER_ONLY,
  ROLE_KINDS,
  type RoleKind,
  STORE_RIGHTS,
} from './rights/store-rights.js';
export type { UnstoredRecord } from './write/careful-statements.js';
