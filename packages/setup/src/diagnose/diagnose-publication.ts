import { quoteIdentifier } from '@colophon/protocol';
import type { SourceNames } from '../names.js';
import type { PublicationState, SourceState } from '../source-state.js';
import { quoteTable } from '../table-name.js';
import { type Check, found, ok } from './check.js';
import { commandLine, tablesFlags } from './command-line.js';
import type { FindingId } from './findings.js';
import { type Advice, runCommands, runSql } from './fix.js';

/** Looks at the publication itself: whether it is there, and gives everything. `init`: the command that makes it. */
export function diagnosePublication(state: SourceState, names: SourceNames, init: string): Check[] {
  const { publication, slot } = state;
  if (publication === null) {
    // A slot can't read a publication that was made after it.
    const commands = slot === null ? [init] : [commandLine('drop', names), init];
    return [
      found('publication.missing', `there is no publication ${names.publication}`, runCommands(commands)),
    ];
  }
  const faults = publicationFaults(state, publication, names, init);
  if (faults.length === 0) {
    return [ok('publication', `${names.publication}, ${publication.tables.length} entries`)];
  }
  return faults.map(([finding, message, advice]) =>
    found(finding, `${names.publication} ${message}`, advice),
  );
}

function publicationFaults(
  state: SourceState,
  publication: PublicationState,
  names: SourceNames,
  init: string,
): [finding: FindingId, message: string, advice: Advice][] {
  const faults: [finding: FindingId, message: string, advice: Advice][] = [];
  const name = quoteIdentifier(names.publication);
  // One that was there before init is its owner's to change.
  const set = (option: string): Advice =>
    publication.memory?.isOurs === true
      ? runCommands([init])
      : runSql([`ALTER PUBLICATION ${name} SET (${option})`], publication.owner);
  if (publication.isForAllTables) {
    const another = `${names.publication}_tables`;
    const anew = commandLine('init', { slot: `${names.slot.slice(0, 56)}_tables`, publication: another }, [
      '--all-tables',
    ]);
    faults.push([
      'publication.all-tables',
      'is FOR ALL TABLES: updates of tables without a key fail',
      runCommands(
        [anew],
        `, give every command these names (COLOPHON_SLOT, COLOPHON_PUBLICATION), and drop ${names.publication} where nobody else reads it`,
      ),
    ]);
  }
  if (publication.missingOperations.length > 0) {
    faults.push([
      'publication.operations',
      `doesn't publish ${publication.missingOperations.join(', ')}`,
      set("publish = 'insert, update, delete, truncate'"),
    ]);
  }
  if (publication.isViaRoot) {
    faults.push([
      'publication.via-root',
      'has publish_via_partition_root = true: what partitions held before is lost',
      set('publish_via_partition_root = false'),
    ]);
  }
  if (publication.publishesStoredColumns === false) {
    faults.push([
      'publication.generated',
      'has publish_generated_columns = none: updates of tables with FULL and generated columns fail',
      set('publish_generated_columns = stored'),
    ]);
  }
  const partial = publication.tables
    .filter((table) => table.hasRowFilter || table.hasColumnList)
    .flatMap(({ oid }) => state.relations.find((relation) => relation.oid === oid) ?? [])
    .map(quoteTable);
  if (partial.length > 0) {
    faults.push([
      'publication.partial',
      'has row filters or column lists: changes are missing or cut',
      runSql(
        partial.flatMap((table) => [
          `ALTER PUBLICATION ${name} DROP TABLE ${table}`,
          `ALTER PUBLICATION ${name} ADD TABLE ${table}`,
        ]),
        publication.owner,
        ' (in one transaction)',
      ),
    ]);
  }
  if (publication.tables.length === 0 && publication.schemas.length === 0 && !publication.isForAllTables) {
    faults.push([
      'publication.empty',
      'publishes no table',
      runCommands([commandLine('init', names, tablesFlags([]))], ' (or --tables with those that you want)'),
    ]);
  }
  return faults;
}
