import { awaitedOutside } from './cases/awaited-outside.js';
import { behaviourUntouched } from './cases/behaviour.js';
import { connectionReusedAfterError, noContext } from './cases/connections.js';
import { parallelRequests } from './cases/parallel.js';
import { readsStayReads } from './cases/reads.js';
import { roundTripsAdded } from './cases/round-trips.js';
import { bulkWrite, largeContext, rawSql } from './cases/statements.js';
import { commit, nestedContext, rollback, savepointRolledBack } from './cases/transactions.js';
import type { ContractCase } from './contract-environment.js';

/** What every adapter must do, in the order of the matrix. */
export const contractCases: readonly ContractCase[] = [
  commit,
  rollback,
  savepointRolledBack,
  nestedContext,
  awaitedOutside,
  parallelRequests,
  connectionReusedAfterError,
  noContext,
  bulkWrite,
  rawSql,
  largeContext,
  readsStayReads,
  roundTripsAdded,
  behaviourUntouched,
];
