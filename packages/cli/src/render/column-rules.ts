import type { ListedTable } from '@colophon/setup';
import type { Settings } from '../settings.js';

/** What becomes of a column's values. */
export interface ColumnRule {
  readonly column: string;
  /** `drop`, `mask`, `hash`. */
  readonly rule: string;
}

/** What the settings say of a table's columns: rules for it, by its name with and without `public`, and for every table. */
export function columnRules(
  { redact }: Pick<Settings, 'redact'>,
  { relation }: Pick<ListedTable, 'relation'>,
): ColumnRule[] {
  const { schema, name } = relation;
  const names = ['*', `${schema}.${name}`, ...(schema === 'public' ? [name] : [])];
  const found = new Map<string, ColumnRule>();
  for (const table of names) {
    for (const [column, rule] of Object.entries(redact?.tables?.[table] ?? {})) {
      found.set(column, { column, rule: typeof rule === 'string' ? rule : rule.by });
    }
  }
  return [...found.values()];
}
