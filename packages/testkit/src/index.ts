export type {
  ContractAdapter,
  ContractItem,
  ContractSession,
  ContractTransaction,
  ContractWrites,
} from './adapter-contract/contract-adapter.js';
export { contractCases } from './adapter-contract/contract-cases.js';
export type {
  ContractCase,
  ContractChange,
  ContractEnvironment,
} from './adapter-contract/contract-environment.js';
export { CONTRACT_SCHEMA } from './adapter-contract/contract-environment.js';
export { plainly } from './adapter-contract/plainly.js';
export type { MatrixRow } from './adapter-contract/render-matrix.js';
export { renderMatrix } from './adapter-contract/render-matrix.js';
export { createDatabase, dropDatabase } from './database.js';
export { freePort } from './free-port.js';
export type { PgBouncer } from './launch-pgbouncer.js';
export { findPgBouncer, launchPgBouncer } from './launch-pgbouncer.js';
export type { LaunchOptions, PostgresServer } from './launch-postgres.js';
export { launchPostgres } from './launch-postgres.js';
export type { ComparisonReport } from './oracle/compare-stored.js';
export type { Harvest, Oracle } from './oracle/oracle.js';
export { installOracle } from './oracle/oracle.js';
export type { Random } from './random.js';
export { seededRandom, seedFromEnvironment } from './random.js';
export type { TcpProxy } from './tcp-proxy.js';
export { startProxy } from './tcp-proxy.js';
export type { WorkloadOptions, WorkloadResult } from './workload/run-workload.js';
export { runWorkload } from './workload/run-workload.js';
export type { RunInContext } from './workload/session.js';
export { WORKLOAD_SCHEMA, WORKLOAD_TABLES, WORKLOAD_TABLES_OPTION } from './workload/tables.js';
