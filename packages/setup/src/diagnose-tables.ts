import { type Check, fail, ok, warn } from './check.js';
import { isUsableIdentity, leavesOf } from './choose-tables.js';

import { STORE_SCHEMA } from './names.js';
import type { PublicationState, RelationState, SourceState } from './source-state.js';
import { displayTable } from './table-name.js';

/** Looks at every published table: one check a kind of trouble, and one for those that are fine. */
export function diagnoseTables(state: SourceState, publication: PublicationState): Check[] {
  const published = publishedTables(state, publication);
  const written = published.filter((table) => table.persistence === 'permanent' && table.kind === 'table');
  const writtenOnes = new Set(written);
  const broken = written.filter((table) => !isUsableIdentity(table, table.identity));
  const brokenOnes = new Set(broken);
  const partial = written.filter((table) => !brokenOnes.has(table) && table.identity !== 'full');
  const keyless = written.filter((table) => !table.hasKey && !brokenOnes.has(table));
  const silent = published.filter((table) => !writtenOnes.has(table));
  const checks: Check[] = [];
  if (written.length > 0) {
    checks.push(ok('tables', `${count(written)} published${untracked(state, published)}`));
  }
  if (broken.length > 0) {
    checks.push(
      fail(
        'replica identity',
        'TABLE_UNSUITABLE',
        `UPDATE and DELETE fail in the application for ${list(broken)}: no usable replica identity`,
        'colophon init with these in --tables, or ALTER PUBLICATION … DROP TABLE',
      ),
    );
  }
  if (partial.length > 0) {
    checks.push(
      warn(
        'replica identity',
        `without FULL the row before a change isn't known: ${list(partial)}`,
        'colophon init with these in --tables (a new partition gets FULL only then)',
      ),
    );
  }
  if (broken.length === 0 && partial.length === 0 && written.length > 0) {
    checks.push(ok('replica identity', `FULL on ${count(written)}`));
  }
  if (keyless.length > 0) {
    checks.push(
      warn(
        'primary key',
        `records of ${list(keyless)} have no key to look them up by`,
        'give them a primary key',
      ),
    );
  }
  if (silent.length > 0) {
    checks.push(
      warn(
        'unlogged tables',
        `changes of ${list(silent)} are in no WAL, so in no record`,
        'ALTER TABLE … SET LOGGED, or take them out of the publication',
      ),
    );
  }
  return checks;
}

function publishedTables(state: SourceState, publication: PublicationState): RelationState[] {
  const oids = new Set(publication.tables.map((table) => table.oid));
  const found = new Map<number, RelationState>();
  for (const relation of state.relations) {
    const isPublished =
      oids.has(relation.oid) || publication.isForAllTables || publication.schemas.includes(relation.schema);
    if (!isPublished) continue;
    if (relation.kind === 'partitioned table') {
      for (const leaf of leavesOf(state, relation)) found.set(leaf.oid, leaf);
    } else if (relation.kind === 'table') found.set(relation.oid, relation);
  }
  return [...found.values()];
}

function untracked(state: SourceState, published: readonly RelationState[]): string {
  const publishedOnes = new Set(published);
  const others = state.relations.filter(
    (relation) =>
      relation.kind === 'table' &&
      relation.persistence === 'permanent' &&
      relation.schema !== STORE_SCHEMA &&
      !relation.isOfExtension &&
      !publishedOnes.has(relation),
  );
  return others.length === 0 ? '' : `; not tracked: ${list(others)}`;
}

function count(tables: readonly RelationState[]): string {
  return tables.length === 1 ? '1 table' : `${tables.length} tables`;
}

function list(tables: readonly RelationState[]): string {
  const names = tables.slice(0, 5).map(displayTable).join(', ');
  return tables.length > 5 ? `${names} and ${tables.length - 5} more` : names;
}
