import { ColophonError, quoteIdentifier } from '@colophon/protocol';
import { chooseTables, type IdentityMode, isUsableIdentity, type TableWish } from '../choose-tables.js';
import { type SourceNames, STORE_SCHEMA } from '../names.js';
import type { PublicationState, RelationState, SourceState } from '../source-state.js';
import { displayTable, quoteTable, type TableName } from '../table-name.js';
import { type Check, found, ok } from './check.js';
import { commandLine, tablesFlags } from './command-line.js';
import { type Advice, runCommands, runSql } from './fix.js';
import { entriesOf, publishedTables } from './published-tables.js';
import type { SourceHealth } from './source-health.js';

/** Which tables the settings want, and how. */
export interface TablesWish {
  readonly names: SourceNames;
  /** Null where the settings name none. */
  readonly tables: TableWish | null;
  readonly identity: IdentityMode;
}

/** Looks at every published table: one check a kind of trouble, and one for those that are fine. */
export function diagnoseTables(
  state: SourceState,
  publication: PublicationState,
  health: SourceHealth,
  wish: TablesWish,
): Check[] {
  const published = publishedTables(state, publication);
  const written = published.filter((table) => table.persistence === 'permanent' && table.kind === 'table');
  const writtenOnes = new Set(written);
  const broken = written.filter((table) => !isUsableIdentity(table, table.identity));
  const brokenOnes = new Set(broken);
  // A virtual column can't be part of FULL: the identity that such a table has is the best that there is.
  const partial = written.filter(
    (table) => !brokenOnes.has(table) && table.identity !== 'full' && table.virtualColumns.length === 0,
  );
  const keyless = written.filter((table) => !table.hasKey && !brokenOnes.has(table));
  const silent = published.filter((table) => !writtenOnes.has(table));
  const missing = unpublished(state, publication, wish);
  const checks: Check[] = [];
  if (missing.length > 0) {
    checks.push(
      found(
        'tables.unpublished',
        `not published: ${list(missing)}`,
        runCommands([commandLine('init', wish.names, tablesFlags(missing))]),
      ),
    );
  } else if (written.length > 0) {
    checks.push(ok('tables', `${count(written)} published${untracked(state, published)}`));
  }
  if (broken.length > 0) {
    checks.push(
      found(
        'identity.unusable',
        `UPDATE and DELETE fail in the application for ${list(broken)}: no usable replica identity`,
        mendIdentities(state, publication, wish.names, broken),
      ),
    );
  }
  if (partial.length > 0 && wish.identity === 'full') {
    checks.push(
      found(
        'identity.partial',
        `without FULL the row before a change isn't known: ${list(partial)}`,
        runCommands([init(state, publication, wish.names, partial)]),
      ),
    );
  } else if (broken.length === 0 && written.length > 0) {
    const full = written.filter((table) => table.identity === 'full').length;
    checks.push(
      ok(
        'replica identity',
        full === written.length ? `FULL on ${count(written)}` : `FULL on ${full} of ${count(written)}`,
      ),
    );
  }
  if (keyless.length > 0) {
    checks.push(
      found(
        'key.none',
        `records of ${list(keyless)} have no key to look them up by`,
        giveKeys(keyless, health),
      ),
    );
  }
  if (silent.length > 0) {
    checks.push(
      found(
        'unlogged.published',
        `changes of ${list(silent)} are in no WAL, so in no record`,
        runSql(
          silent.map((table) => `ALTER TABLE ${quoteTable(table)} SET LOGGED`),
          silent[0]!.owner,
          ' (or take them out of the publication)',
        ),
      ),
    );
  }
  if (health.generatedColumns.length > 0) {
    const names = health.generatedColumns.map((column) => `${displayTable(column)}.${column.column}`);
    checks.push(
      ok(
        'generated columns',
        publication.publishesStoredColumns === null
          ? `not in records before PostgreSQL 18: ${some(names)}`
          : `in records: ${some(names)}`,
      ),
    );
  }
  if (health.unreadable.length > 0) {
    checks.push(
      ok('tables', `run needs no SELECT on them; colophon snapshot would, on ${list(health.unreadable)}`),
    );
  }
  return checks;
}

/** Sets FULL by `init`; what can have neither FULL nor a key leaves the publication, since the application is broken by it. */
function mendIdentities(
  state: SourceState,
  publication: PublicationState,
  names: SourceNames,
  broken: readonly RelationState[],
): Advice {
  const isImpossible = (table: RelationState): boolean => table.virtualColumns.length > 0 && !table.hasKey;
  const impossible = broken.filter(isImpossible);
  const possible = broken.filter((table) => !isImpossible(table));
  const command = possible.length === 0 ? [] : [init(state, publication, names, possible)];
  const sql = entriesOf(state, publication, impossible).map(
    (table) => `ALTER PUBLICATION ${quoteIdentifier(names.publication)} DROP TABLE ${quoteTable(table)}`,
  );
  return {
    remedy: [...sql, ...command].join('; '),
    fix: {
      ...(sql.length > 0 && { sql, as: publication.owner }),
      ...(command.length > 0 && { command }),
    },
  };
}

function giveKeys(tables: readonly RelationState[], health: SourceHealth): Advice {
  const sql = tables.map((table) => {
    const old = health.deferrableKeys.find((key) => key.oid === table.oid);
    if (old === undefined) {
      return `ALTER TABLE ${quoteTable(table)} ADD COLUMN audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY`;
    }
    const columns = old.columns.map(quoteIdentifier).join(', ');
    return `ALTER TABLE ${quoteTable(table)} DROP CONSTRAINT ${quoteIdentifier(old.constraint)}, ADD PRIMARY KEY (${columns})`;
  });
  return runSql(
    sql,
    tables[0]!.owner,
    ' (or of columns that are there: ADD PRIMARY KEY; each locks its table, a new column rewrites it)',
  );
}

function init(
  state: SourceState,
  publication: PublicationState,
  names: SourceNames,
  tables: readonly RelationState[],
): string {
  return commandLine('init', names, tablesFlags(entriesOf(state, publication, tables)));
}

/** What the settings want to be tracked and can be, and isn't published. */
function unpublished(
  state: SourceState,
  publication: PublicationState,
  { tables, identity }: TablesWish,
): RelationState[] {
  if (tables === null || publication.isForAllTables || publication.schemas.length > 0) return [];
  const entries = new Set(publication.tables.map(({ oid }) => oid));
  try {
    return chooseTables(state, tables, identity)
      .chosen.map(({ relation }) => relation)
      .filter(({ oid }) => !entries.has(oid));
  } catch (error) {
    // A table that isn't there, or can't be tracked: init says which.
    if (error instanceof ColophonError) return [];
    throw error;
  }
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

function count(tables: readonly unknown[]): string {
  return tables.length === 1 ? '1 table' : `${tables.length} tables`;
}

function list(tables: readonly TableName[]): string {
  return some(tables.map(displayTable));
}

function some(names: readonly string[]): string {
  const first = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${first} and ${names.length - 5} more` : first;
}
