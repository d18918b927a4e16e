import type { UnstoredRecord } from '@colophon/store';
import { visible } from './display-text.js';

/** What `run` says of a record that could not be stored. */
export function unstoredLine(record: UnstoredRecord): string {
  const { what, sqlstate, transactionId, commitLsn, sequence, table } = record;
  const which =
    what === 'change'
      ? `Change ${sequence}, of ${visible(table ?? '')},`
      : what === 'ddl'
        ? 'A command that changed the schema'
        : 'A context';
  return `${which} of transaction ${transactionId} at ${commitLsn} could not be stored (SQLSTATE ${sqlstate}): it is kept in colophon.unstored [RECORD_UNSTORED]`;
}

/** What `run` says of them at its end. */
export function unstoredFarewell(count: number): string {
  return `${count} ${count === 1 ? 'record' : 'records'} could not be stored as they are: see colophon.unstored [RECORD_UNSTORED]`;
}
