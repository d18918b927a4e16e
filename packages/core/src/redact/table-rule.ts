import {
  ColophonError,
  type Redaction,
  type RedactionKey,
  type RedactionRule,
  redactionOf,
} from '@colophon/protocol';
import type { PatternRule } from '../columns/column-options.js';
import { tableNames } from './table-names.js';

/** What is done to a column, or to those that match, of a table or of those that match. */
export interface TableRule {
  /** The table as it is written, for messages; null: every table. */
  readonly table: string | null;
  /** The names that it can mean, as `schema.table`; null where more than names must be looked at. */
  readonly names: ReadonlySet<string> | null;
  readonly matchesTable: (schema: string, table: string) => boolean;
  /** The column's name; null where it is matched. */
  readonly column: string | null;
  readonly matchesColumn: (column: string) => boolean;
  readonly redaction: Redaction;
  /** Whether a table without the column is refused. */
  readonly isRequired: boolean;
}

const EVERY_TABLE = '*';

/** The rules of `redact.tables`: exact names, `*` for every table. Throws `INVALID_OPTION`. */
export function rulesByName(
  tables: Readonly<Record<string, Readonly<Record<string, RedactionRule>>>>,
  key: RedactionKey | undefined,
): TableRule[] {
  return Object.entries(tables).flatMap(([table, columns]) => {
    if (typeof columns !== 'object' || columns === null) {
      throw new ColophonError('INVALID_OPTION', `The redaction rules of ${table} are no object of columns.`);
    }
    const isEvery = table === EVERY_TABLE;
    const names = isEvery ? null : tableNames(table);
    return Object.entries(columns).map(([column, rule]): TableRule => {
      const redaction = redactionOf(rule, key, `The rule for ${table}.${column}`);
      return {
        table: isEvery ? null : table,
        names,
        matchesTable: (schema, name) => names?.has(`${schema}.${name}`) ?? true,
        column,
        matchesColumn: (name) => name === column,
        redaction,
        isRequired: !isEvery && !redaction.mayBeMissing,
      };
    });
  });
}

/** A rule of `columns`. Throws `INVALID_OPTION`. */
export function ruleByPattern(
  { pattern, rule, isRequired }: PatternRule,
  key: RedactionKey | undefined,
): TableRule {
  const { exactTable, exactColumn, matchesTable, matchesColumn, isAnyTable } = pattern;
  return {
    table: isAnyTable ? null : pattern.table,
    names: exactTable === null ? null : new Set([`${exactTable.schema}.${exactTable.name}`]),
    matchesTable,
    column: exactColumn,
    matchesColumn,
    redaction: redactionOf(rule, key, `The rule for ${pattern.text}`),
    isRequired,
  };
}
