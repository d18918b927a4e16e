export type { ApplyOptions, ApplyResult } from './apply-plan.js';
export { applyPlan } from './apply-plan.js';
export type { ChosenTable, IdentityMode, LeftOut, TableChoice, TableWish } from './choose-tables.js';
export { chooseTables } from './choose-tables.js';
export type { Connection, ConnectOptions, Peer } from './connect.js';
export { addressOf, checkUrl, connect } from './connect.js';
export { connectionError, errorText } from './connection-error.js';
export type { DdlState } from './ddl-triggers.js';
export { Deadline } from './deadline.js';
export type { Check } from './diagnose/check.js';
export { found, ok } from './diagnose/check.js';
export { commandLine, consumerCommand, tableWord } from './diagnose/command-line.js';
export type { SourceWish } from './diagnose/diagnose.js';
export { diagnoseClock } from './diagnose/diagnose-clock.js';
export { diagnoseTls } from './diagnose/diagnose-tls.js';
export type { SourceExamination } from './diagnose/examine-source.js';
export { diagnoseSource, examineSource, explainUnreachable } from './diagnose/examine-source.js';
export { failedCheck } from './diagnose/failed-check.js';
export type { CheckGroup, CheckName, FindingId } from './diagnose/findings.js';
export { CHECK_GROUP_NAMES, CHECK_GROUPS, FINDING_IDS, FINDINGS } from './diagnose/findings.js';
export type { Advice, Fix, FixSetting } from './diagnose/fix.js';
export { inWords, runCommands, runSql } from './diagnose/fix.js';
export { inspectClock } from './diagnose/inspect-health.js';
export { publishedTables } from './diagnose/published-tables.js';
export { formatBytes } from './format-bytes.js';
export { inspectSlot, inspectSource } from './inspect-source.js';
export type { Memory, RememberedTable } from './memory.js';
export { readMemory, writeMemory } from './memory.js';
export type { SourceNames } from './names.js';
export { checkNames, STORE_SCHEMA } from './names.js';
export type { Plan, Step } from './plan.js';
export { planDrop } from './plan-drop.js';
export type { InitPlan, InitWish } from './plan-init.js';
export { planInit } from './plan-init.js';
export { inspectProvider } from './provider/inspect-provider.js';
export type { Address, Provider, ProviderId } from './provider/provider.js';
export { redact } from './redact.js';
export { inspectApplication } from './roles/inspect-application.js';
export type { LoginWish, RoleStatement } from './roles/plan-login.js';
export { planLogin } from './roles/plan-login.js';
export { checkSelect, planSelect } from './roles/plan-select.js';
export type { SourceRights } from './roles/plan-source-rights.js';
export { checkSourceRights, planSourceRights } from './roles/plan-source-rights.js';
export type { SlotPosition } from './slot-position.js';
export { slotPosition } from './slot-position.js';
export type {
  PublicationState,
  PublishedTable,
  RelationKind,
  RelationState,
  ReplicaIdentity,
  RoleState,
  ServerState,
  SlotState,
  SourceState,
} from './source-state.js';
export type { TableName } from './table-name.js';
export { displayTable, parseTableNames, quoteTable } from './table-name.js';
export type { TablePattern, WishedTable } from './table-pattern.js';
export { isTablePattern, parseTableWish } from './table-pattern.js';
export type { TableSize } from './tables/inspect-sizes.js';
export { inspectSizes } from './tables/inspect-sizes.js';
export type { ListedTable } from './tables/list-tables.js';
export { listTables } from './tables/list-tables.js';
export type { NewTables, NewTablesPolicy } from './tables/new-tables.js';
export type { TrackPlan, TrackWish } from './tables/plan-track.js';
export { planNewTables, planTrack } from './tables/plan-track.js';
export { planUntrack } from './tables/plan-untrack.js';
export { WITHOUT_TRACKING } from './tables/track-trigger.js';
