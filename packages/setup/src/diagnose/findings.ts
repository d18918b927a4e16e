import type { ErrorCode } from '@colophon/protocol';

/** What checks are about, in the order in which they are shown. */
export const CHECK_GROUP_NAMES = ['server', 'source', 'tables', 'slot', 'store', 'application'] as const;
export type CheckGroup = (typeof CHECK_GROUP_NAMES)[number];

/** Every check by its name, and what it is about. */
const GROUPS = {
  source: 'server',
  host: 'server',
  provider: 'server',
  connection: 'server',
  tls: 'server',
  version: 'server',
  wal_level: 'server',
  slots: 'server',
  senders: 'server',
  'wal retention': 'server',
  'sender timeout': 'server',
  clock: 'server',
  role: 'source',
  replication: 'source',
  'connection limit': 'source',
  timeouts: 'source',
  'read only': 'source',
  'open transactions': 'source',
  publication: 'source',
  ddl: 'source',
  tables: 'tables',
  'replica identity': 'tables',
  'primary key': 'tables',
  'unlogged tables': 'tables',
  'generated columns': 'tables',
  redaction: 'tables',
  columns: 'tables',
  columns_identity: 'tables',
  slot: 'slot',
  failover: 'slot',
  store: 'store',
  'store position': 'store',
  'store rights': 'store',
  gaps: 'store',
  context: 'application',
  signature: 'application',
} as const;

export type CheckName = keyof typeof GROUPS;
export const CHECK_GROUPS: Readonly<Record<CheckName, CheckGroup>> = GROUPS;

/** One thing that can be wrong. */
export interface Finding {
  readonly check: CheckName;
  readonly verdict: 'warn' | 'fail';
  /** Of the error that it gives or would give; null where it gives none. */
  readonly code: ErrorCode | null;
  /** Why it matters. */
  readonly why: string;
}

const fail = (check: CheckName, code: ErrorCode, why: string): Finding => ({
  check,
  verdict: 'fail',
  code,
  why,
});
const warn = (check: CheckName, why: string): Finding => ({ check, verdict: 'warn', code: null, why });

/** Every id of a finding, in the order in which docs/doctor.md has them. */
export const FINDING_IDS = [
  'source.unreachable',
  'host.unknown',
  'host.ipv6',
  'connection.pooled',
  'tls.none',
  'tls.unverified',
  'version.unsound',
  'wal_level.low',
  'wal_level.standby',
  'slots.full',
  'senders.full',
  'retention.unlimited',
  'retention.idle',
  'sender-timeout.short',
  'clock.apart',
  'role.replication',
  'role.create',
  'replication.right',
  'replication.refused',
  'connections.role',
  'connections.database',
  'timeouts.transaction',
  'read-only.default',
  'transactions.open',
  'transactions.prepared',
  'publication.missing',
  'publication.all-tables',
  'publication.operations',
  'publication.via-root',
  'publication.generated',
  'publication.partial',
  'publication.empty',
  'ddl.none',
  'ddl.broken',
  'tables.unpublished',
  'identity.unusable',
  'identity.partial',
  'key.none',
  'unlogged.published',
  'redaction.impossible',
  'columns.idle',
  'columns.unseen',
  'slot.missing',
  'slot.unsuitable',
  'slot.lost',
  'slot.unreserved',
  'slot.inactive',
  'slot.behind',
  'failover.held',
  'failover.unkept',
  'store.missing',
  'store.outdated',
  'store.newer',
  'store.unreachable',
  'position.other',
  'rights.missing',
  'rights.owner',
  'rights.many',
  'gaps.found',
  'context.none',
  'context.tables',
] as const;

export type FindingId = (typeof FINDING_IDS)[number];

/** Everything that doctor can find wrong. */
export const FINDINGS: Readonly<Record<FindingId, Finding>> = {
  'source.unreachable': fail(
    'source',
    'CONNECTION_FAILED',
    'Without a connection nothing else can be looked at, and nothing is recorded.',
  ),
  'host.unknown': fail('host', 'CONNECTION_FAILED', 'Nobody answers under a name that has no address.'),
  'host.ipv6': fail(
    'host',
    'CONNECTION_FAILED',
    'This machine has no way to IPv6 addresses, so it never reaches the server.',
  ),
  'connection.pooled': fail(
    'connection',
    'CONNECTION_FAILED',
    'A replication stream needs one connection to the server for as long as it lasts; a pooler shares its connections.',
  ),
  'tls.none': warn('tls', 'Password and every changed row cross the network as plain text.'),
  'tls.unverified': warn('tls', 'Whoever stands between can pose as the server, and read all of it.'),
  'version.unsound': warn(
    'version',
    'The server has a defect that loses changes, mended in later minor releases.',
  ),
  'wal_level.low': fail('wal_level', 'WAL_LEVEL', 'Below logical the log has no rows to read.'),
  'wal_level.standby': fail(
    'wal_level',
    'UNSUPPORTED_SERVER',
    'Publication and replica identities can be made on the primary only.',
  ),
  'slots.full': fail('slots', 'NO_FREE_SLOT', 'Without a slot of its own run loses changes when it stops.'),
  'senders.full': fail(
    'senders',
    'NO_FREE_SLOT',
    'Each reader of the log needs a sender; run could not connect.',
  ),
  'retention.unlimited': warn(
    'wal retention',
    'While run is stopped the server keeps all of its log, until its disk is full and the application stops.',
  ),
  'retention.idle': warn(
    'wal retention',
    'A slot that is given up loses the changes that were not read yet.',
  ),
  'sender-timeout.short': warn(
    'sender timeout',
    'The server cuts the stream when it hears nothing for so long, as while a large batch is stored.',
  ),
  'clock.apart': warn(
    'clock',
    "Audit records carry the source's time; --since, retention and signatures compare it with the other clocks.",
  ),
  'role.replication': fail('role', 'PRIVILEGE_MISSING', 'Without it the server lets nobody read the log.'),
  'role.create': fail(
    'role',
    'PRIVILEGE_MISSING',
    'init makes the publication, which needs CREATE on the database.',
  ),
  'replication.right': fail(
    'replication',
    'PRIVILEGE_MISSING',
    'A replication connection was tried and refused, so run would be refused too.',
  ),
  'replication.refused': fail(
    'replication',
    'CONNECTION_FAILED',
    'A replication connection was tried and refused, so run would be refused too.',
  ),
  'connections.role': warn(
    'connection limit',
    'run needs a replication connection, one for the catalog and some for the store, all at once.',
  ),
  'connections.database': warn(
    'connection limit',
    'run needs a replication connection, one for the catalog and some for the store, all at once.',
  ),
  'timeouts.transaction': warn(
    'timeouts',
    'The server ends whatever transaction takes longer: a snapshot of a table without a key, a large one being stored.',
  ),
  'read-only.default': warn(
    'read only',
    'init, drop and the other commands that change the source are refused.',
  ),
  'transactions.open': warn(
    'open transactions',
    'A new slot waits for every transaction that is open, and the log is kept from its beginning on.',
  ),
  'transactions.prepared': warn(
    'open transactions',
    'A prepared transaction stays open until somebody ends it: no slot is made meanwhile, and the log is kept.',
  ),
  'publication.missing': fail(
    'publication',
    'PUBLICATION_MISSING',
    'Without a publication the server gives out no change.',
  ),
  'publication.all-tables': fail(
    'publication',
    'PUBLICATION_UNSUITABLE',
    'UPDATE and DELETE fail in the application for every table without a key, those made later too.',
  ),
  'publication.operations': fail(
    'publication',
    'PUBLICATION_UNSUITABLE',
    'What it leaves out is never recorded.',
  ),
  'publication.via-root': fail(
    'publication',
    'PUBLICATION_UNSUITABLE',
    "What a row of a partition was before a change is lost, and a TRUNCATE of one isn't told.",
  ),
  'publication.generated': fail(
    'publication',
    'PUBLICATION_UNSUITABLE',
    'UPDATE and DELETE fail in the application for tables with identity FULL and generated columns.',
  ),
  'publication.partial': fail('publication', 'PUBLICATION_UNSUITABLE', 'Changes are missing, or cut.'),
  'publication.empty': fail('publication', 'PUBLICATION_UNSUITABLE', 'Nothing is recorded.'),
  'ddl.none': warn('ddl', "Who altered or dropped a table isn't recorded."),
  'ddl.broken': warn('ddl', "A part of what was done to the schema isn't recorded."),
  'tables.unpublished': warn('tables', 'The settings name them, yet their changes are not recorded.'),
  'identity.unusable': fail(
    'replica identity',
    'TABLE_UNSUITABLE',
    'The application itself fails: PostgreSQL refuses UPDATE and DELETE of a published table without one.',
  ),
  'identity.partial': warn('replica identity', "Without FULL a record doesn't say what the row was before."),
  'key.none': warn('primary key', 'A row without a key has no history that could be asked for.'),
  'unlogged.published': warn('unlogged tables', "What isn't in the log is in no record."),
  'redaction.impossible': fail(
    'redaction',
    'REDACTION_IMPOSSIBLE',
    'A rule that fits nothing could let through what it should keep back, so run stores nothing at all.',
  ),
  'columns.idle': warn('columns', 'A rule that meets nothing protects nothing, and ignores nothing.'),
  'columns.unseen': warn('columns_identity', 'Updates of nothing but ignored columns fill the store.'),
  'slot.missing': fail('slot', 'SLOT_MISSING', 'Without a slot the server keeps nothing for run.'),
  'slot.unsuitable': fail(
    'slot',
    'SLOT_WRONG_PLUGIN',
    "Its name belongs to another's slot, which run can't read.",
  ),
  'slot.lost': fail(
    'slot',
    'SLOT_INVALIDATED',
    'The server gave it up; what was not read by then is lost to the audit.',
  ),
  'slot.unreserved': warn('slot', 'At the next checkpoint the slot is lost, and with it what was not read.'),
  'slot.inactive': warn('slot', 'The server keeps its log until somebody reads it.'),
  'slot.behind': warn('slot', "The kept log takes the place of data on the server's disk."),
  'failover.held': warn('failover', 'The server gives run nothing until that standby follows.'),
  'failover.unkept': warn('failover', 'After a failover the slot is gone, and with it what was not read.'),
  'store.missing': fail('store', 'STORE_MISSING', 'There is no place for audit records.'),
  'store.outdated': fail(
    'store',
    'STORE_OUTDATED',
    'This Colophon needs what a later version of the store has.',
  ),
  'store.newer': fail('store', 'STORE_TOO_NEW', 'A later Colophon made it; this one could write it wrongly.'),
  'store.unreachable': fail('store', 'CONNECTION_FAILED', 'Nothing can be stored or shown.'),
  'position.other': fail(
    'store position',
    'SOURCE_CHANGED',
    'Two servers under one name: their records could not be told apart.',
  ),
  'rights.missing': fail('store rights', 'PRIVILEGE_MISSING', 'run would be refused when it stores.'),
  'rights.owner': warn(
    'store rights',
    'Who logs in as the owner can change what was recorded, and nobody sees it.',
  ),
  'rights.many': warn('store rights', 'Who has the password of run can change what was recorded.'),
  'gaps.found': warn(
    'gaps',
    "What was changed there has no record, so the state that later records begin from isn't known.",
  ),
  'context.none': warn('context', 'Changes are recorded without who made them, from where and why.'),
  'context.tables': warn(
    'context',
    "Who changes these tables isn't known: something writes them without Colophon.",
  ),
};
