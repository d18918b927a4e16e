import { ColophonError, changeId, formatLsn } from '@colophon/protocol';
import { errorState, OVERTAKEN, storeError } from '../connection/store-error.js';
import type { Batch } from './batch.js';

/** What failed, and what is known of it. */
export interface FailedFlush {
  readonly error: unknown;
  /** Which query of the pipeline the server refused; -1 where that isn't known. */
  readonly query: number;
  readonly batch: Batch | undefined;
  readonly sourceName: string | undefined;
  /** The same comes again, and is then stored record by record. */
  readonly isPutAside: boolean;
}

/** What is said of it, with the change that was refused where it can be told. */
export function flushFailure({ error, query, batch, sourceName, isPutAside }: FailedFlush): ColophonError {
  const state = errorState(error);
  if (state === OVERTAKEN || state === '23505') {
    return new ColophonError(
      'STORE_BUSY',
      `Another consumer stores the source ${JSON.stringify(sourceName)}, or stored these changes under another ` +
        'name or environment: nothing was stored; let one consumer run for a source, under one name.',
      { retryable: true, details: { sqlstate: state } },
    );
  }
  const origin = batch?.originOf(query, lineOf(error));
  if (origin === undefined) {
    return isPutAside
      ? putAside('A change or context', state, {})
      : storeError(error, 'Changes could not be stored');
  }
  const { facts, sequence } = origin;
  const { systemIdentifier, timeline, commitLsn } = facts;
  const id = changeId({ systemIdentifier, timeline, commitLsn, sequence });
  const details = { id, commitLsn: formatLsn(commitLsn), timeline, xid: facts.xid, sequence };
  const which = `Change ${sequence} of transaction ${facts.xid} at ${formatLsn(commitLsn)} (id ${id})`;
  if (isPutAside) return putAside(which, state, details);
  const refused = storeError(error, `${which} could not be stored`);
  return new ColophonError(refused.code, refused.message, {
    cause: refused.cause,
    retryable: refused.retryable,
    details: { ...refused.details, ...details },
  });
}

/** Nothing was stored, and the same comes again. */
function putAside(
  which: string,
  state: string,
  details: Readonly<Record<string, string | number>>,
): ColophonError {
  return new ColophonError(
    'SINK_FAILED',
    `${which} can't be stored as it is (SQLSTATE ${state}): records are stored one by one, and what can't be goes to colophon.unstored.`,
    { retryable: true, details: { ...details, sqlstate: state } },
  );
}

/** The row of a COPY at which the server failed, 0 where it wasn't one of changes: of the error's context only the number is taken. */
function lineOf(error: unknown): number {
  const where = (error as { where?: unknown } | undefined)?.where;
  // What comes before it is of the value's type, and may quote the value: the last one is COPY's own.
  const matches = typeof where === 'string' ? [...where.matchAll(/^COPY change_records\D*(\d+)/gm)] : [];
  return Number(matches.at(-1)?.[1] ?? 0);
}
