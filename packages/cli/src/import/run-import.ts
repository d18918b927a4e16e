import { ColophonError } from '@colophon/protocol';
import type { Deadline } from '@colophon/setup';
import type { ImportedChange, PostgresImport } from '@colophon/store';
import { mapRow, type RowMapper } from './map-row.js';
import type { OriginRow } from './origin-query.js';

/** What came of an import. */
export interface ImportResult {
  readonly read: number;
  readonly added: number;
  /** Rows that are no changes of rows. */
  readonly others: number;
  /** Rows that can't be read, or that the store can't hold. */
  readonly bad: number;
}

/** What an import works with. */
export interface ImportWork {
  readonly pages: AsyncIterable<readonly OriginRow[]>;
  readonly mapper: RowMapper;
  readonly target: PostgresImport;
  readonly deadline: Deadline;
  readonly signal: AbortSignal;
  /** How many rows may be left out because they can't be read. */
  readonly maxBadRows: number;
  /** Told of each of them. */
  readonly onBadRow: (text: string) => void;
  readonly onProgress: (read: number) => void;
}

/**
 * Stores page after page, each with the place after it: whatever ends it, the same import goes on behind the last page.
 * Throws `IMPORT_INCOMPLETE` at a signal, `IMPORT_ROW_UNREADABLE` for one bad row more than may be: nothing of its page is
 * passed over.
 */
export async function runImport(work: ImportWork): Promise<ImportResult> {
  const { mapper, target, deadline, signal } = work;
  let [read, added, others, bad] = [0, 0, 0, 0];
  const store = (changes: readonly ImportedChange[], place: string | null) => {
    deadline.renew();
    return deadline.race(target.store(changes, place), 'The store');
  };
  const putAside = (id: string, reason: string): void => {
    bad++;
    const what = `Row ${id} can't be imported: ${reason}`;
    if (bad > work.maxBadRows) {
      throw new ColophonError(
        'IMPORT_ROW_UNREADABLE',
        `${what}. Put it or the mapping right, or leave such rows out with --max-bad-rows; the same command goes on from here.`,
        { details: { bad } },
      );
    }
    work.onBadRow(what);
  };
  for await (const rows of work.pages) {
    if (signal.aborted) throw stopped();
    const changes: ImportedChange[] = [];
    const ids = new Map<string, string>();
    for (const row of rows) {
      const mapped = mapRow(row, mapper);
      if (mapped.kind === 'other') others++;
      else if (mapped.kind === 'unreadable') putAside(row.id, mapped.reason);
      else {
        changes.push(mapped.change);
        ids.set(mapped.change.id, row.id);
      }
    }
    const place = JSON.stringify(rows.at(-1)!.at);
    const chunk = await store(changes, place);
    for (const { change, sqlstate } of chunk.refused) {
      putAside(ids.get(change.id)!, `the store's server can't hold it (SQLSTATE ${sqlstate})`);
    }
    if (chunk.refused.length > 0) await store([], place);
    read += rows.length;
    added += chunk.added;
    work.onProgress(read);
  }
  if (signal.aborted) throw stopped();
  await store([], null);
  return { read, added, others, bad };
}

function stopped(): ColophonError {
  return new ColophonError(
    'IMPORT_INCOMPLETE',
    'Stopped before the end: the same command goes on behind what is stored.',
    { retryable: true },
  );
}
