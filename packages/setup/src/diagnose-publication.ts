import { type Check, fail, ok } from './check.js';
import type { SourceNames } from './names.js';
import type { PublicationState, SourceState } from './source-state.js';

/** Looks at the publication itself: whether it is there, and gives everything. */
export function diagnosePublication({ publication, slot }: SourceState, names: SourceNames): Check[] {
  const name = 'publication';
  if (publication === null) {
    // A slot can't read a publication that was made after it.
    const remedy = slot === null ? 'colophon init' : 'colophon drop, then colophon init';
    return [fail(name, 'PUBLICATION_MISSING', `there is no publication ${names.publication}`, remedy)];
  }
  const faults = publicationFaults(publication);
  if (faults.length === 0) return [ok(name, `${names.publication}, ${publication.tables.length} entries`)];
  return faults.map(([message, remedy]) =>
    fail(name, 'PUBLICATION_UNSUITABLE', `${names.publication} ${message}`, remedy),
  );
}

function publicationFaults(publication: PublicationState): [message: string, remedy: string][] {
  const faults: [string, string][] = [];
  const another = 'colophon init with another --publication';
  const init = publication.memory?.isOurs === true ? 'colophon init' : another;
  if (publication.isForAllTables) {
    faults.push(['is FOR ALL TABLES: updates of tables without a key fail', another]);
  }
  if (publication.missingOperations.length > 0) {
    faults.push([`doesn't publish ${publication.missingOperations.join(', ')}`, init]);
  }
  if (publication.isViaRoot) {
    faults.push(['has publish_via_partition_root = true: what partitions held before is lost', init]);
  }
  if (publication.publishesStoredColumns === false) {
    faults.push([
      'has publish_generated_columns = none: updates of tables with FULL and generated columns fail',
      init,
    ]);
  }
  if (publication.tables.some((table) => table.hasRowFilter || table.hasColumnList)) {
    faults.push([
      'has row filters or column lists: changes are missing or cut',
      'ALTER PUBLICATION … SET TABLE without them',
    ]);
  }
  if (publication.tables.length === 0 && publication.schemas.length === 0 && !publication.isForAllTables) {
    faults.push(['publishes no table', 'colophon init --tables …']);
  }
  return faults;
}
