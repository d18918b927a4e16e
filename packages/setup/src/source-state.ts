import type { Lsn } from '@colophon/protocol';
import type { DdlState } from './ddl-triggers.js';
import type { Memory } from './memory.js';
import type { TableName } from './table-name.js';
import type { TrackState } from './tables/track-trigger.js';

/** The first major whose standbys can keep copies of logical slots. */
export const FAILOVER_SLOTS_SINCE = 17;

/** What a source looks like: everything that `init`, `drop` and `doctor` decide from. Reading it changes nothing. */
export interface SourceState {
  readonly server: ServerState;
  readonly role: RoleState;
  readonly publication: PublicationState | null;
  readonly slot: SlotState | null;
  readonly ddl: DdlState;
  readonly track: TrackState;
  /** Every table, view and the like outside PostgreSQL's own schemas, sorted by schema and name; of those schemas only what was asked for by name. */
  readonly relations: readonly RelationState[];
}

/** The server and its settings. */
export interface ServerState {
  /** As the server says it: `18.4`. */
  readonly version: string;
  readonly major: number;
  readonly walLevel: string;
  readonly isStandby: boolean;
  readonly database: string;
  readonly databaseOid: number;
  readonly systemIdentifier: string;
  readonly maxSlots: number;
  readonly usedSlots: number;
  readonly maxSenders: number;
  readonly usedSenders: number;
  /** `max_slot_wal_keep_size` in bytes; -1 where there is no limit. */
  readonly maxSlotWalKeepBytes: number;
  /** `idle_replication_slot_timeout` in seconds (18); 0 where there is none. */
  readonly idleSlotTimeoutSeconds: number;
  /** Physical slots: those of standbys, of backups too. */
  readonly standbySlots: readonly StandbySlot[];
  /** `synchronized_standby_slots` (17): the standbys that must have a transaction before a failover slot gives it out. */
  readonly synchronizedStandbySlots: readonly string[];
}

/** The slot by which a standby follows. */
interface StandbySlot {
  readonly name: string;
  readonly isActive: boolean;
}

/** What the connected role may do. */
export interface RoleState {
  readonly name: string;
  readonly isSuperuser: boolean;
  readonly canReplicate: boolean;
  /** Whether it may create schemas and publications in the database. */
  readonly canCreate: boolean;
}

/** A publication as the catalog has it. */
export interface PublicationState {
  readonly isOwned: boolean;
  readonly owner: string;
  readonly isForAllTables: boolean;
  /** Schemas published as a whole. */
  readonly schemas: readonly string[];
  /** Operations that it leaves out, of insert, update, delete, truncate. */
  readonly missingOperations: readonly string[];
  readonly isViaRoot: boolean;
  /** On 18 whether stored generated columns are published; null on older servers, where they never are. */
  readonly publishesStoredColumns: boolean | null;
  readonly tables: readonly PublishedTable[];
  readonly comment: string | null;
  /** What an earlier `init` wrote into the comment; null where it isn't of ours. */
  readonly memory: Memory | null;
}

/** A table named in the publication itself. */
export interface PublishedTable {
  readonly oid: number;
  readonly hasRowFilter: boolean;
  readonly hasColumnList: boolean;
}

/** A replication slot as the server has it. */
export interface SlotState {
  readonly type: string;
  readonly plugin: string | null;
  readonly database: string | null;
  readonly isActive: boolean;
  readonly activePid: number | null;
  readonly isTemporary: boolean;
  readonly isTwoPhase: boolean;
  /** On 17 and later whether standbys keep a copy of it, so that it survives a failover; null on older servers, where none do. */
  readonly isFailover: boolean | null;
  /** `reserved`, `extended`, `unreserved` or `lost`. */
  readonly walStatus: string | null;
  /** Why it can't be read any more; null where it can. */
  readonly invalidation: string | null;
  readonly confirmedFlushLsn: Lsn | null;
  /** Bytes of WAL that the server keeps because of it. */
  readonly retainedBytes: number | null;
  /** Bytes of WAL written since what was last acknowledged. */
  readonly lagBytes: number | null;
  /** Bytes of WAL that may still be written before the slot is in danger of being lost; null without a limit. */
  readonly safeWalBytes: number | null;
  /** `max_slot_wal_keep_size` in bytes: more than that isn't kept for it. Null where there is no limit. */
  readonly maxRetainedBytes: number | null;
  /** Where the server's WAL ends, when it was looked at. */
  readonly walEndLsn: Lsn;
}

/** What a relation is. */
export type RelationKind = 'table' | 'partitioned table' | 'view' | 'materialized view' | 'foreign table';

/** `pg_class.relreplident` in words. */
export type ReplicaIdentity = 'default' | 'full' | 'index' | 'nothing';

/** A table, or what could be taken for one. */
export interface RelationState extends TableName {
  readonly oid: number;
  readonly kind: RelationKind;
  readonly persistence: 'permanent' | 'unlogged' | 'temporary';
  readonly isPartition: boolean;
  /** Its partitioned table, or the tables it inherits from. */
  readonly parents: readonly number[];
  readonly owner: string;
  readonly isOwned: boolean;
  /** Made by an extension. */
  readonly isOfExtension: boolean;
  readonly identity: ReplicaIdentity;
  /** The index of identity `index`, where it still stands. */
  readonly identityIndex: string | null;
  /** Its indexes that could be its identity. */
  readonly indexes: readonly string[];
  /** Whether it has a primary key that isn't deferrable. */
  readonly hasKey: boolean;
  /** Generated columns that are computed on read (18): they can't be part of identity FULL. */
  readonly virtualColumns: readonly string[];
}
